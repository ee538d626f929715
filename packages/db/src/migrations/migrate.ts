import type { QueryResult, RowDataPacket } from 'mysql2'
import { type Connection, connect, type Endpoint, query } from '../client/connection.ts'
import { checksum, declarableRights, declaredRights, fillIn, type Migration, MigrationError } from './load.ts'

/** Options of {@link migrate}. */
export interface MigrateOptions {
  /** The writer, as a user that owns `database` and may grant on it. */
  readonly connection: Endpoint
  readonly database: string
  /** The identifiers that replace `{{name}}` in the migrations, by name. */
  readonly placeholders?: Readonly<Record<string, string>>
  readonly migrations: readonly Migration[]
  /** Gets the rights that the migrations declare. With a password the user is created, or given that password. */
  readonly appUser: { readonly name: string; readonly password?: string | undefined }
}

const lockSeconds = 60

/**
 * Applies the migrations that the database does not record yet, in order, each once, and gives the app's user the
 * declared rights on each table and no others. Safe to run at the same time from several places: one works, the others
 * wait and find it done.
 *
 * When the database records migrations that are not among `migrations`, a newer release was here, which may still be
 * running: they are left alone, and no right is revoked.
 *
 * @returns the names of those applied now.
 * @throws {MigrationError} when a statement fails, a migration was changed after it was applied, or a created table has
 *   no declared rights. What was applied before stays and is recorded.
 */
export async function migrate(options: MigrateOptions): Promise<{ readonly applied: readonly string[] }> {
  const { database, migrations, placeholders = {}, appUser } = options
  const rights = declaredRights(migrations, placeholders)
  const connection = await connect(options.connection, 10_000, { database })
  try {
    await lock(connection, database)
    const recorded = await recordedChecksums(connection)
    const applied = await applyMissing(connection, migrations, placeholders, recorded)
    if (appUser.password !== undefined) await createUser(connection, appUser.name, appUser.password)
    const names = new Set(migrations.map(({ name }) => name))
    const newerReleaseWasHere = [...recorded.keys()].some((name) => !names.has(name))
    for (const table of await tables(connection)) {
      const granted: readonly string[] = rights.get(table) ?? []
      // Granted first: what the running app may do before and after, it may do in between.
      if (granted.length > 0) await changeRights(connection, `GRANT ${granted.join(', ')}`, table, 'TO', appUser.name)
      if (newerReleaseWasHere) continue
      const revoked = [...declarableRights, ...otherRights].filter((right) => !granted.includes(right))
      await changeRights(connection, `REVOKE IF EXISTS ${revoked.join(', ')}`, table, 'FROM', appUser.name)
    }
    return { applied }
  } finally {
    // Ends the session, and with it the lock.
    connection.end()
  }
}

/** https://dev.mysql.com/doc/refman/8.4/en/grant.html#grant-table-privileges */
const otherRights = [
  'CREATE',
  'DROP',
  'ALTER',
  'INDEX',
  'REFERENCES',
  'TRIGGER',
  'CREATE VIEW',
  'SHOW VIEW',
  'GRANT OPTION',
]

async function lock(connection: Connection, database: string): Promise<void> {
  // The name of a lock has 64 characters at most, as many as that of a database.
  const [row] = await query(connection, "SELECT GET_LOCK(CONCAT('migrate ', SHA2(?, 224)), ?) AS held", [
    database,
    lockSeconds,
  ])
  if (row?.held !== 1) throw new MigrationError(`another migration has been running for ${lockSeconds} s`)
}

async function recordedChecksums(connection: Connection): Promise<ReadonlyMap<string, string>> {
  await run(
    connection,
    'schema_migrations',
    `CREATE TABLE IF NOT EXISTS schema_migrations (
       name VARCHAR(255) NOT NULL PRIMARY KEY,
       checksum CHAR(64) NOT NULL,
       applied_at DATETIME(3) NOT NULL
     )`,
  )
  const rows = await run<RowDataPacket[]>(
    connection,
    'schema_migrations',
    'SELECT name, checksum FROM schema_migrations',
  )
  return new Map(rows.map((row) => [String(row.name), String(row.checksum)]))
}

async function applyMissing(
  connection: Connection,
  migrations: readonly Migration[],
  placeholders: Readonly<Record<string, string>>,
  recorded: ReadonlyMap<string, string>,
): Promise<string[]> {
  const applied: string[] = []
  for (const migration of migrations) {
    const { name } = migration
    const known = recorded.get(name)
    if (known === undefined) {
      await run(connection, name, fillIn(migration, placeholders))
      await run(connection, name, 'INSERT INTO schema_migrations VALUES (?, ?, UTC_TIMESTAMP(3))', [
        name,
        checksum(migration),
      ])
      applied.push(name)
    } else if (known !== checksum(migration)) {
      throw new MigrationError(`${name}: changed after it was applied; add a new migration instead`)
    }
  }
  return applied
}

async function tables(connection: Connection): Promise<string[]> {
  const rows = await run<RowDataPacket[]>(
    connection,
    'tables',
    `SELECT TABLE_NAME AS name FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'`,
  )
  return rows.map(({ name }) => String(name))
}

async function createUser(connection: Connection, name: string, password: string): Promise<void> {
  for (const statement of ['CREATE USER IF NOT EXISTS', 'ALTER USER']) {
    await run(connection, "the app's user", `${statement} ? IDENTIFIED BY ?`, [name, password])
  }
}

function changeRights(
  connection: Connection,
  change: string,
  table: string,
  preposition: 'TO' | 'FROM',
  user: string,
): Promise<QueryResult> {
  return run(connection, `rights on ${table}`, `${change} ON ?? ${preposition} ?`, [table, user])
}

/** Runs a statement whose error names `what` it is part of. */
async function run<Result extends QueryResult>(
  connection: Connection,
  what: string,
  sql: string,
  values: unknown[] = [],
): Promise<Result> {
  try {
    return await query<Result>(connection, sql, values)
  } catch (error) {
    throw new MigrationError(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
