import mysql, { type Connection } from 'mysql2'
import { connect, type Endpoint, query } from './connection.ts'
import { MigrationError } from './errors.ts'
import { checksum, type Migration } from './migrations.ts'

/** What the migrator needs to know. */
export interface MigrateOptions {
  /** The writer, as a user that owns `database` and may grant on it. */
  readonly connection: Endpoint
  readonly database: string
  readonly table: string
  readonly migrations: readonly Migration[]
  /** Gets SELECT and INSERT on the tables that the migrations made, no more. With a password the user is created, or given that password. */
  readonly appUser: { readonly name: string; readonly password?: string | undefined }
}

const lockSeconds = 60

/**
 * Applies the migrations that the database does not record yet, in order, each once, and grants the application's
 * user its rights. Safe to run at the same time from several places: one works, the others wait and find it done.
 * Recorded migrations that are not among `migrations` are left alone, so that an older release can be deployed again.
 *
 * @returns the names of those applied now.
 * @throws {MigrationError} when a statement fails, or a migration was changed after it was applied. What was applied
 *   before stays and is recorded.
 */
export async function migrate(options: MigrateOptions): Promise<{ readonly applied: readonly string[] }> {
  const { database, appUser } = options
  const connection = await connect(options.connection, 10_000, { database })
  try {
    await lock(connection, database)
    const applied = await applyMissing(connection, options)
    if (appUser.password !== undefined) await createUser(connection, appUser.name, appUser.password)
    for (const table of await tables(connection)) {
      await run(connection, 'grants', `GRANT SELECT, INSERT ON ${mysql.escapeId([database, table].join('.'))} TO ?`, [
        appUser.name,
      ])
    }
    return { applied }
  } finally {
    // Ends the session, and with it the lock.
    connection.end()
  }
}

async function lock(connection: Connection, database: string): Promise<void> {
  // The name of a lock has 64 characters at most, as many as that of a database.
  const [row] = await query(connection, "SELECT GET_LOCK(CONCAT('migrate ', SHA2(?, 224)), ?) AS held", [
    database,
    lockSeconds,
  ])
  if (row?.held !== 1) throw new MigrationError(`another migration has been running for ${lockSeconds} s`)
}

async function applyMissing(connection: Connection, options: MigrateOptions): Promise<string[]> {
  await run(
    connection,
    'schema_migrations',
    `CREATE TABLE IF NOT EXISTS schema_migrations (
       name VARCHAR(255) NOT NULL PRIMARY KEY,
       checksum CHAR(64) NOT NULL,
       applied_at DATETIME(3) NOT NULL
     )`,
  )
  const rows = await query(connection, 'SELECT name, checksum FROM schema_migrations')
  const recorded = new Map(rows.map((row) => [String(row.name), String(row.checksum)]))
  const applied: string[] = []
  for (const migration of options.migrations) {
    const known = recorded.get(migration.name)
    if (known === undefined) {
      await run(connection, migration.name, migration.sql.replaceAll('{{table}}', mysql.escapeId(options.table)))
      await query(connection, 'INSERT INTO schema_migrations VALUES (?, ?, UTC_TIMESTAMP(3))', [
        migration.name,
        checksum(migration),
      ])
      applied.push(migration.name)
    } else if (known !== checksum(migration)) {
      throw new MigrationError(`${migration.name}: changed after it was applied; add a new migration instead`)
    }
  }
  return applied
}

/** The tables of the database but the migrator's own. */
async function tables(connection: Connection): Promise<string[]> {
  const rows = await query(
    connection,
    `SELECT TABLE_NAME AS name FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' AND TABLE_NAME <> 'schema_migrations'`,
  )
  return rows.map(({ name }) => String(name))
}

async function createUser(connection: Connection, name: string, password: string): Promise<void> {
  for (const statement of ['CREATE USER IF NOT EXISTS', 'ALTER USER']) {
    await run(connection, 'application user', `${statement} ? IDENTIFIED BY ?`, [name, password])
  }
}

/** Runs a statement; its error names `what` and shows the statement with its `?`, never the values. */
async function run(connection: Connection, what: string, sql: string, values: unknown[] = []): Promise<void> {
  try {
    await query(connection, sql, values)
  } catch (error) {
    const reason = error instanceof Error && values.length === 0 ? error.message : String(Object(error).code)
    throw new MigrationError(`${what}: ${reason}\nin: ${sql.trim()}`)
  }
}
