import { startMysql, type TestMysql } from '@repo/compose/testing'
import { type DatabaseClientOptions, loadMigrations, migrate } from '../src/index.ts'

/** A server with the migrated schema, and the options of a client with the rights of the application. */
export interface MigratedServer {
  readonly mysql: TestMysql
  readonly options: DatabaseClientOptions
  /** The name that replaces `{{table}}` in the migrations. */
  readonly table: string
}

/** For the tests of this package and of those that use it. The caller disposes of `mysql`. */
export async function startMigrated(): Promise<MigratedServer> {
  const mysql = await startMysql()
  const { host, port, database } = mysql
  const table = 'testtable'
  await migrate({
    connection: { host, port, user: 'migrator', password: await mysql.password('migrator') },
    database,
    placeholders: { table },
    migrations: await loadMigrations(),
    appUser: { name: 'app' },
  }).catch(async (error: unknown) => {
    await mysql[Symbol.asyncDispose]()
    throw error
  })
  const options: DatabaseClientOptions = {
    writer: { host, port },
    reader: { host, port },
    user: 'app',
    password: () => mysql.password('app'),
    database,
    writerConnections: 4,
    readerConnections: 4,
    fallbackConnections: 4,
    connectionQueueLimit: 100,
    connectTimeoutMs: 1000,
    maxLifetimeMs: 60_000,
    readerLagLimitMs: 5000,
    // Longer than a busy machine takes: tests of the deadline have a client of their own.
    deadlineMs: 10_000,
  }
  return { mysql, options, table }
}
