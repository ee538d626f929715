import type { RowDataPacket } from 'mysql2'
import { checksum, fillIn, type Migration } from './load.ts'
import type { Run } from './runner.ts'

/** What the database records of migrations. */
export interface History {
  /** The checksum of each applied one, by name. */
  readonly recorded: ReadonlyMap<string, string>
  /** Those that were started and have no recorded end, by name. */
  readonly unfinished: ReadonlyMap<string, { readonly checksum: string; readonly startedAt: string }>
}

/** The release before takes every row of schema_migrations for an applied one: so starts have a table of their own. */
export async function createHistory(run: Run): Promise<void> {
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
  await run(
    'unfinished_migrations',
    'DELETE FROM unfinished_migrations WHERE name IN (SELECT name FROM schema_migrations)',
  )
}

/** Takes no lock that a running migration holds. */
export async function readHistory(run: Run): Promise<History> {
  const recorded = await run<RowDataPacket[]>('schema_migrations', 'SELECT name, checksum FROM schema_migrations')
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

/** Whether the database records a migration that is not among `migrations`: it may still be used, or running. */
export function hasNewerRelease({ recorded, unfinished }: History, migrations: readonly Migration[]): boolean {
  const names = new Set(migrations.map(({ name }) => name))
  return [...recorded.keys(), ...unfinished.keys()].some((name) => !names.has(name))
}

/** Whether a recorded checksum is this migration's. On AWS, earlier releases recorded it with its names filled in. */
export function isChecksumOf(
  recorded: string,
  migration: Migration,
  placeholders: Readonly<Record<string, string>>,
): boolean {
  return [migration, { ...migration, sql: fillIn(migration, placeholders) }].some((each) => recorded === checksum(each))
}
