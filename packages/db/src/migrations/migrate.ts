import { type Connection, type Endpoint, query, sqlMode } from '../client/connection.ts'
import { DatabaseError } from '../client/errors.ts'
import { type ConnectWait, connectPersistently } from './connect.ts'
import { createHistory, type History, hasNewerRelease, isChecksumOf, readHistory } from './history.ts'
import { checksum, declaredRights, fillIn, isRepeatable, type Migration, MigrationError } from './load.ts'
import { changeRights, hasRights, type Rights } from './rights.ts'
import { createRunner, type LockWait, type Run } from './runner.ts'

/** Options of {@link migrate}. */
export interface MigrateOptions extends ConnectWait {
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
  /**
   * Aborting it ends the attempts to connect, or the session, and with it the lock. The returned promise then rejects
   * late or never. The server may complete the statement in progress, which has a recorded start and no recorded end.
   */
  readonly signal?: AbortSignal
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
  const connection = await connectPersistently(options.connection, { database }, options)
  options.signal?.addEventListener('abort', () => connection.destroy(), { once: true })
  const run = createRunner(connection, lockWait)
  try {
    // The server does not notice that a runner has lost the network: it would keep the session, and its lock, for hours.
    // Only idle time counts, so a statement can take long.
    await run('session', 'SET SESSION sql_mode = ?, wait_timeout = ?', [sqlMode, abandonedAfterSeconds])
    if (await isUpToDate(run, options, rights)) return { applied: [] }
    await lock(connection, database)
    await run(
      'session',
      // A migration that copies rows does not lock those that it reads.
      "SET SESSION lock_wait_timeout = ?, innodb_lock_wait_timeout = ?, transaction_isolation = 'READ-COMMITTED'",
      [lockWait.seconds, lockWait.seconds],
    )
    await createHistory(run)
    const history = await readHistory(run)
    const applied = await applyMissing(run, migrations, placeholders, history)
    if (appUser.password !== undefined) await createUser(run, appUser.name, appUser.password)
    await changeRights(run, appUser.name, rights, !hasNewerRelease(history, migrations))
    return { applied }
  } finally {
    // Ends the session, and with it the lock.
    connection.end()
  }
}

/** Several times the longest pause between two statements. */
const abandonedAfterSeconds = 45

/**
 * Whether there is nothing to do, found without a lock: so a rollback succeeds while a migration of the newer release
 * runs. Unknown without the password of the app's user, whose rights only it can see.
 */
async function isUpToDate(run: Run, options: MigrateOptions, rights: Rights): Promise<boolean> {
  const { connection, database, migrations, placeholders = {}, appUser } = options
  const { name: user, password } = appUser
  if (password === undefined) return false
  const history = await readHistory(run).catch((error: unknown) => {
    if (Object(error).cause?.code === 'ER_NO_SUCH_TABLE') return undefined
    throw error
  })
  if (!history) return false
  const isApplied = (migration: Migration) =>
    isChecksumOf(history.recorded.get(migration.name) ?? '', migration, placeholders)
  const exactly = !hasNewerRelease(history, migrations)
  return migrations.every(isApplied) && hasRights(run, { ...connection, user, password }, database, rights, exactly)
}

async function lock(connection: Connection, database: string): Promise<void> {
  // The name of a lock has 64 characters at most, as many as that of a database.
  const [row] = await query(connection, "SELECT GET_LOCK(CONCAT('migrate ', SHA2(?, 224)), ?) AS held", [
    database,
    runnerSeconds,
  ])
  if (row?.held !== 1) throw new MigrationError(`another migration has been running for ${runnerSeconds} s`)
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
    } else if (!isChecksumOf(known, migration, placeholders)) {
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

async function createUser(run: Run, name: string, password: string): Promise<void> {
  for (const statement of ['CREATE USER IF NOT EXISTS', 'ALTER USER']) {
    await run("the app's user", `${statement} ? IDENTIFIED BY ?`, [name, password])
  }
}
