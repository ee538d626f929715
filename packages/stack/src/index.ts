export { freeze, thaw } from './freeze.ts'
export { startMysql, type TestMysql } from './mysql.ts'
export { baseImage, repositoryRoot } from './repository.ts'
export { openStack, type Stack, type StackOptions } from './stack.ts'
