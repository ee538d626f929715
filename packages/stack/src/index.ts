export { startMysql, type TestMysql } from './mysql.ts'
export { baseImage, repositoryRoot } from './repository.ts'
