import { setTimeout as delay } from 'node:timers/promises'
import type { QueryResult, RowDataPacket } from 'mysql2'
import { type Connection, connect, type Endpoint, query } from '../client/connection.ts'
import { DatabaseError } from '../client/errors.ts'
import {
  checksum,
  declarableRights,
  declaredRights,
  fillIn,
  isRepeatable,
  type Migration,
  MigrationError,
} from './load.ts'

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
  /** @default 4 attempts that wait for 5 s each, with pauses of 5 s between them */
  readonly lockWait?: LockWait
}

/**
 * How long a statement waits for a lock. A change of a table that waits for a transaction blocks every later query of
 * that table, so it waits briefly, and lets them pass before it is tried again.
 */
interface LockWait {
  readonly seconds: number
  readonly attempts: number
  readonly pauseMs: number
}

/** For another runner to end. */
const runnerSeconds = 60

/**
 * Applies the migrations that the database does not record yet, in order, each once, and gives the app's user the
 * declared rights on each table and no others. Safe to run at the same time from several places: one works, the others
 * wait and find it done.
 *
 * When the database records migrations that are not among `migrations`, a newer release was here, which may still be
 * running: they are left alone, and no right is revoked.
 *
 * A statement that changes a table commits by itself, so a runner that is killed may leave a change without its record.
 * Each start is recorded too. A migration that was started and has no recorded end runs again only if it is declared
 * repeatable.
 *
 * @returns the names of those applied now.
 * @throws {MigrationError} when a statement fails or waits too long for a lock, a migration was changed after it was
 *   applied, one has no recorded end, or a created table has no declared rights. What was applied before stays and is
 *   recorded.
 */
export async function migrate(options: MigrateOptions): Promise<{ readonly applied: readonly string[] }> {
  const { database, migrations, placeholders = {}, appUser } = options
  const { lockWait = { seconds: 5, attempts: 4, pauseMs: 5000 } } = options
  const rights = declaredRights(migrations, placeholders)
  const connection = await connect(options.connection, 10_000, { database })
  const run = createRunner(connection, lockWait)
  try {
    await lock(connection, database)
    await run(
      'session',
      // A migration that copies rows does not lock those that it reads.
      "SET SESSION lock_wait_timeout = ?, innodb_lock_wait_timeout = ?, transaction_isolation = 'READ-COMMITTED'",
      [lockWait.seconds, lockWait.seconds],
    )
    const history = await readHistory(run)
    const applied = await applyMissing(run, migrations, placeholders, history)
    if (appUser.password !== undefined) await createUser(run, appUser.name, appUser.password)
    const names = new Set(migrations.map(({ name }) => name))
    const newerReleaseWasHere = [...history.recorded.keys(), ...history.unfinished.keys()].some(
      (name) => !names.has(name),
    )
    for (const table of await tables(run)) {
      const granted: readonly string[] = rights.get(table) ?? []
      // Granted first: what the running app may do before and after, it may do in between.
      if (granted.length > 0) await changeRights(run, `GRANT ${granted.join(', ')}`, table, 'TO', appUser.name)
      if (newerReleaseWasHere) continue
      const revoked = [...declarableRights, ...otherRights].filter((right) => !granted.includes(right))
      await changeRights(run, `REVOKE IF EXISTS ${revoked.join(', ')}`, table, 'FROM', appUser.name)
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
    runnerSeconds,
  ])
  if (row?.held !== 1) throw new MigrationError(`another migration has been running for ${runnerSeconds} s`)
}

/** What the database records of migrations. */
interface History {
  /** The checksum of each applied one, by name. */
  readonly recorded: ReadonlyMap<string, string>
  /** Those that were started and have no recorded end, by name. */
  readonly unfinished: ReadonlyMap<string, { readonly checksum: string; readonly startedAt: string }>
}

/** The release before takes every row of schema_migrations for an applied one: so starts have a table of their own. */
async function readHistory(run: Run): Promise<History> {
  for (const [table, time] of [
    ['schema_migrations', 'applied_at'],
    ['unfinished_migrations', 'started_at'],
  ] as const) {
    await run(
      table,
      `CREATE TABLE IF NOT EXISTS ${table} (
         name VARCHAR(255) NOT NULL PRIMARY KEY,
         checksum CHAR(64) NOT NULL,
         ${time} DATETIME(3) NOT NULL
       )`,
    )
  }
  const recorded = await run<RowDataPacket[]>('schema_migrations', 'SELECT name, checksum FROM schema_migrations')
  await run(
    'unfinished_migrations',
    'DELETE FROM unfinished_migrations WHERE name IN (SELECT name FROM schema_migrations)',
  )
  const unfinished = await run<RowDataPacket[]>(
    'unfinished_migrations',
    "SELECT name, checksum, DATE_FORMAT(started_at, '%Y-%m-%d %H:%i:%s') AS startedAt FROM unfinished_migrations",
  )
  return {
    recorded: new Map(recorded.map((row) => [String(row.name), String(row.checksum)])),
    unfinished: new Map(
      unfinished.map((row) => [String(row.name), { checksum: String(row.checksum), startedAt: String(row.startedAt) }]),
    ),
  }
}

async function applyMissing(
  run: Run,
  migrations: readonly Migration[],
  placeholders: Readonly<Record<string, string>>,
  { recorded, unfinished }: History,
): Promise<string[]> {
  const applied: string[] = []
  for (const migration of migrations) {
    const { name } = migration
    const known = recorded.get(name)
    const started = unfinished.get(name)
    if (known === undefined) {
      if (started && !(isRepeatable(migration) && started.checksum === checksum(migration))) {
        throw new MigrationError(unfinishedMessage(name, started.startedAt))
      }
      await apply(run, migration, placeholders)
      applied.push(name)
    } else if (known !== checksum(migration)) {
      throw new MigrationError(`${name}: changed after it was applied; add a new migration instead`)
    }
  }
  return applied
}

async function apply(run: Run, migration: Migration, placeholders: Readonly<Record<string, string>>): Promise<void> {
  const { name } = migration
  const row = [name, checksum(migration)]
  const forgetStart = () => run(name, 'DELETE FROM unfinished_migrations WHERE name = ?', [name])
  await run(name, 'REPLACE INTO unfinished_migrations VALUES (?, ?, UTC_TIMESTAMP(3))', row)
  try {
    await run(name, fillIn(migration, placeholders))
  } catch (error) {
    const { cause } = Object(error)
    // The server undoes a statement that it reports as failed; of a lost connection nothing is known.
    if (cause instanceof DatabaseError && !cause.fatal) await forgetStart().catch(() => {})
    throw error
  }
  await run(name, 'INSERT INTO schema_migrations VALUES (?, ?, UTC_TIMESTAMP(3))', row)
  await forgetStart()
}

const unfinishedMessage = (name: string, startedAt: string) =>
  `${name}: was started at ${startedAt} UTC and has no recorded end, so its change may or may not be in the database. ` +
  'Look at the table. If the change is there, record it: INSERT INTO schema_migrations ' +
  `SELECT name, checksum, UTC_TIMESTAMP(3) FROM unfinished_migrations WHERE name = '${name}'. ` +
  `If it is not, let it run again: DELETE FROM unfinished_migrations WHERE name = '${name}'`

async function tables(run: Run): Promise<string[]> {
  const rows = await run<RowDataPacket[]>(
    'tables',
    `SELECT TABLE_NAME AS name FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'`,
  )
  return rows.map(({ name }) => String(name))
}

async function createUser(run: Run, name: string, password: string): Promise<void> {
  for (const statement of ['CREATE USER IF NOT EXISTS', 'ALTER USER']) {
    await run("the app's user", `${statement} ? IDENTIFIED BY ?`, [name, password])
  }
}

function changeRights(
  run: Run,
  change: string,
  table: string,
  preposition: 'TO' | 'FROM',
  user: string,
): Promise<QueryResult> {
  return run(`rights on ${table}`, `${change} ON ?? ${preposition} ?`, [table, user])
}

/** Runs a statement whose error names `what` it is part of. */
type Run = <Result extends QueryResult>(what: string, sql: string, values?: unknown[]) => Promise<Result>

function createRunner(connection: Connection, { seconds, attempts, pauseMs }: LockWait): Run {
  return async <Result extends QueryResult>(what: string, sql: string, values?: unknown[]) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await query<Result>(connection, sql, values)
      } catch (error) {
        const waited = error instanceof DatabaseError && lockErrorCodes.has(error.errno ?? 0)
        if (waited && attempt < attempts) {
          await delay(pauseMs)
          continue
        }
        const reason = error instanceof Error ? error.message : String(error)
        const hint = waited ? `; ${lockMessage(seconds, attempts)}` : ''
        throw new MigrationError(`${what}: ${reason}${hint}`, { cause: error })
      }
    }
  }
}

// ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK
const lockErrorCodes = new Set([1205, 1213])

const lockMessage = (seconds: number, attempts: number) =>
  `${attempts} attempts waited for ${seconds} s each. Probably a transaction that uses the table has been open for ` +
  'long. Find it: SELECT trx_mysql_thread_id, trx_started FROM information_schema.INNODB_TRX ORDER BY trx_started. ' +
  'End it: KILL followed by its trx_mysql_thread_id. Then migrate again'
