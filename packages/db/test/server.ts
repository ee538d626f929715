import { startMysql, type TestMysql } from '@repo/compose'
import { type DatabaseOptions, loadMigrations, migrate } from '../src/index.ts'

/** For the tests of this package and of those that build on it: a server with the migrated schema, and the options under which the application would open it. */
export async function startMigrated(): Promise<{ mysql: TestMysql; options: DatabaseOptions }> {
  const mysql = await startMysql()
  const { host, port, database } = mysql
  await migrate({
    connection: { host, port, user: 'migrator', password: await mysql.password('migrator') },
    database,
    table: 'testtable',
    migrations: await loadMigrations(),
    appUser: { name: 'app' },
  }).catch(async (error: unknown) => {
    await mysql[Symbol.asyncDispose]()
    throw error
  })
  const options: DatabaseOptions = {
    writer: { host, port },
    reader: { host, port },
    user: 'app',
    password: () => mysql.password('app'),
    database,
    table: 'testtable',
    writerConnections: 4,
    readerConnections: 4,
    readQueueLimit: 100,
    connectTimeoutMs: 1000,
    connectionMaxAgeMs: 60_000,
    readerLagLimitMs: 5000,
    deadlineMs: 2000,
    saveBatchLimit: 1000,
    saveQueueLimit: 4000,
  }
  return { mysql, options }
}
