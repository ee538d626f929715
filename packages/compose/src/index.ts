export { freeze, thaw } from './freeze.ts'
export { startMysql, type TestMysql } from './mysql.ts'
export { authoritiesSecret, baseImage, repositoryRoot } from './repository.ts'
export { openStack, type Stack, type StackOptions } from './stack.ts'
