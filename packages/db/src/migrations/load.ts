import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'

/** A migration cannot be applied. The message names it; it holds no SQL and no password. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
}

/** One step of the schema: a file of one statement, applied once. */
export interface Migration {
  /** `NNNN_name`, the file's name without `.sql`; the number gives the order. */
  readonly name: string
  /** One statement below its header; see {@link declaredRights} and {@link fillIn}. */
  readonly sql: string
}

const nameForm = /^\d{4}_[a-z0-9_]+$/

/**
 * Reads the migrations of a folder, by default this package's own, in order. Files that are not SQL or hidden are left
 * out: editors, version control and desktops write them. The text is the same whatever the checkout's line endings are.
 *
 * @throws {MigrationError} when an SQL file's name is not `NNNN_name.sql` or a number occurs twice.
 */
export async function loadMigrations(
  directory: URL = new URL('../../migrations/', import.meta.url),
): Promise<readonly Migration[]> {
  const files = (await readdir(directory)).filter((file) => /^[^.].*\.sql$/i.test(file)).sort()
  return inOrder(
    await Promise.all(
      files.map(async (file) => ({
        name: file.replace(/\.sql$/, ''),
        sql: (await readFile(new URL(encodeURIComponent(file), directory), 'utf8'))
          .replace(/^\ufeff/, '')
          .replaceAll('\r\n', '\n'),
      })),
    ),
  )
}

/** One text, as a parameter store takes it, for {@link parseMigrations}. */
export function serializeMigrations(migrations: readonly Migration[]): string {
  return migrations.map(({ name, sql }) => `-- migration ${name}\n${sql.trim()}\n`).join('')
}

/** @throws {MigrationError} when the text is not in the form of {@link serializeMigrations}. */
export function parseMigrations(text: string): readonly Migration[] {
  const [before, ...parts] = text.split(/^-- migration (.*)\n/m)
  if (before?.trim() || parts.length === 0) throw new MigrationError('expected the text of migrations')
  const migrations: Migration[] = []
  for (let at = 0; at < parts.length; at += 2) {
    migrations.push({ name: parts[at] as string, sql: parts[at + 1] as string })
  }
  return inOrder(migrations)
}

function inOrder(migrations: readonly Migration[]): readonly Migration[] {
  let previous = ''
  for (const { name } of migrations) {
    if (!nameForm.test(name)) throw new MigrationError(`${name}: expected a name like 0001_create_table`)
    if (name.slice(0, 4) <= previous) throw new MigrationError(`${name}: its number does not follow ${previous}`)
    previous = name.slice(0, 4)
  }
  return migrations
}

/**
 * What is recorded of a migration: the same for the same statement, whatever white space surrounds it. The lines that
 * declare something are not part of it. They are no step that was applied once, so they may be added to a file that
 * servers have recorded, and changed in it.
 */
export function checksum({ sql }: Migration): string {
  return createHash('sha256').update(sql.replace(rightsLines, '').replace(repeatableLine, '').trim()).digest('hex')
}

const repeatableLine = /^-- Repeatable: yes\b.*\n?/m

/**
 * Whether the header declares that the statement may run a second time, for instance because it says IF NOT EXISTS:
 *
 *     -- Repeatable: yes
 */
export const isRepeatable = ({ sql }: Migration): boolean => repeatableLine.test(sql)

/**
 * Replaces each `{{name}}` by the identifier that `placeholders` gives for it, quoted.
 *
 * @throws {MigrationError} for a name that `placeholders` lacks.
 */
export function fillIn({ name, sql }: Migration, placeholders: Readonly<Record<string, string>>): string {
  return sql.replace(/\{\{(\w+)\}\}/g, (_, key: string) => {
    const identifier = placeholders[key]
    if (identifier === undefined) throw new MigrationError(`${name}: no value for the placeholder ${key}`)
    return `\`${identifier.replaceAll('`', '``')}\``
  })
}

/** The rights on a table that can be declared. */
export const declarableRights = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const

type Right = (typeof declarableRights)[number]

const rightsLines = /^-- App user:.*\n?/gm
const rightsForm = /^-- App user: (nothing|[A-Z]+(?:, [A-Z]+)*) ON `?(\w+)`?$/
const createsTable = /^\s*CREATE\s+TABLE\b/im

/**
 * What the app's user may do, by table. A migration declares it in lines of its header:
 *
 *     -- App user: SELECT, INSERT ON {{table}}
 *     -- App user: nothing ON audit
 *
 * A later declaration for the same table replaces the earlier one.
 *
 * @throws {MigrationError} for a line of another form, and for a migration that creates a table without one.
 */
export function declaredRights(
  migrations: readonly Migration[],
  placeholders: Readonly<Record<string, string>>,
): ReadonlyMap<string, readonly Right[]> {
  const declared = new Map<string, readonly Right[]>()
  for (const migration of migrations) {
    const sql = fillIn(migration, placeholders)
    const lines = sql.match(rightsLines) ?? []
    for (const line of lines) {
      const [, list = '', table = ''] = rightsForm.exec(line.trimEnd()) ?? []
      const rights = list === 'nothing' ? [] : list.split(', ')
      if (!rights.every(isDeclarable)) {
        throw new MigrationError(
          `${migration.name}: expected "-- App user: RIGHTS ON TABLE" with any of ${declarableRights.join(', ')} or nothing`,
        )
      }
      declared.set(table, rights)
    }
    if (createsTable.test(sql) && lines.length === 0) {
      throw new MigrationError(
        `${migration.name}: creates a table but does not declare what the app's user may do with it; ` +
          'add "-- App user: SELECT, INSERT ON TABLE" to its header',
      )
    }
  }
  return declared
}

const isDeclarable = (right: string): right is Right => (declarableRights as readonly string[]).includes(right)
