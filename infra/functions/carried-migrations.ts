import { type Migration, parseMigrations, serializeMigrations } from '@repo/db'
import { FunctionError } from './errors.ts'

// Parameter Store rejects `{{`, its syntax for a reference to another parameter.
const placeholderStart = '{{'
const escapedStart = '{\\{'

const bundledLine = /^-- bundled through (\S+)\n/

/**
 * The text of the SSM parameter: the newest migrations, as many as fit into `bytes`. Its first line names the last of the
 * earlier ones, if any, which the function has in its bundle.
 *
 * @throws when the text of a migration would be read differently.
 */
export function parameterText(migrations: readonly Migration[], bytes: number): string {
  const textFrom = (start: number) => {
    const last = migrations[start - 1]
    const newest = serializeMigrations(migrations.slice(start)).replaceAll(placeholderStart, escapedStart)
    return `${last ? `-- bundled through ${last.name}\n` : ''}${newest}`
  }
  let start = 0
  while (start < migrations.length && Buffer.byteLength(textFrom(start)) > bytes) start += 1
  const text = textFrom(start)
  for (const [at, { name, sql }] of carriedMigrations(text, migrations).entries()) {
    const { name: expectedName, sql: expectedSql } = migrations[at] ?? {}
    if (name !== expectedName || sql.trim() !== expectedSql?.trim()) {
      throw new Error(`${expectedName}: got a line "-- migration …" or the text ${escapedStart}, allowed is neither`)
    }
  }
  return text
}

/** The migrations of {@link parameterText}, with the earlier ones from `bundled`. @throws when those are missing there. */
export function carriedMigrations(text: string, bundled: readonly Migration[]): readonly Migration[] {
  const [line = '', last = ''] = bundledLine.exec(text) ?? []
  if (last && !bundled.some(({ name }) => name === last))
    throw new FunctionError(`${last}: is not in the function's bundle`)
  const newest = text.slice(line.length).replaceAll(escapedStart, placeholderStart)
  return [...bundled.filter(({ name }) => name <= last), ...(newest ? parseMigrations(newest) : [])]
}
