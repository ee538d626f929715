import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { MigrationError } from './errors.ts'

/** One step of the schema: a file of one statement, applied once. */
export interface Migration {
  /** `NNNN_name`, the file's name without `.sql`; the number gives the order. */
  readonly name: string
  /** One statement; `{{table}}` stands for the table's name. */
  readonly sql: string
}

const nameForm = /^\d{4}_[a-z0-9_]+$/

/**
 * Reads the migrations of a folder, by default this package's own, in order.
 *
 * @throws {MigrationError} when a file's name is not `NNNN_name.sql` or a number occurs twice.
 */
export async function loadMigrations(
  directory: URL = new URL('../migrations/', import.meta.url),
): Promise<readonly Migration[]> {
  const files = (await readdir(directory)).sort()
  return inOrder(
    await Promise.all(
      files.map(async (file) => ({
        name: file.replace(/\.sql$/, ''),
        sql: await readFile(new URL(file, directory), 'utf8'),
      })),
    ),
  )
}

/** One text that {@link parseMigrations} takes apart again: it fits a parameter store. */
export function serializeMigrations(migrations: readonly Migration[]): string {
  return migrations.map(({ name, sql }) => `-- migration ${name}\n${sql.trim()}\n`).join('')
}

/** @throws {MigrationError} when the text is not of {@link serializeMigrations}' form. */
export function parseMigrations(text: string): readonly Migration[] {
  const [before, ...parts] = text.split(/^-- migration (.*)\n/m)
  if (before?.trim() || parts.length === 0) throw new MigrationError('expected a text of migrations')
  const migrations: Migration[] = []
  for (let at = 0; at < parts.length; at += 2) {
    migrations.push({ name: parts[at] as string, sql: parts[at + 1] as string })
  }
  return inOrder(migrations)
}

/** The same for the same statement, however it is wrapped in white space. */
export function checksum(migration: Migration): string {
  return createHash('sha256').update(migration.sql.trim()).digest('hex')
}

function inOrder(migrations: readonly Migration[]): readonly Migration[] {
  let previous = ''
  for (const { name } of migrations) {
    if (!nameForm.test(name)) throw new MigrationError(`${name}: expected a name like 0001_create_times`)
    if (name.slice(0, 4) <= previous) throw new MigrationError(`${name}: its number is not behind ${previous}`)
    previous = name.slice(0, 4)
  }
  return migrations
}
