import { type Connection, type DatabaseClient, DatabaseError, type Point, readPoint } from '@repo/db'
import { type Cursor, type Page, pageBytes } from '../http/pages.ts'
import { type FieldError, InvalidFields } from '../http/problem.ts'

/** How many entries are read at a time: those that the page has no room for are few. */
const batchSize = 100

/**
 * Reads a page, whose size is bounded by {@link pageBytes} too. The next one comes from data that includes it.
 *
 * @param select reads that many entries at most, of those whose id is below `before`.
 * @throws like `client.read`.
 * @public for resources
 */
export function readPage<Entry extends { readonly id: number }>(
  client: DatabaseClient,
  { limit, after }: { readonly limit: number; readonly after?: Cursor | undefined },
  includes: readonly Point[],
  select: (connection: Connection, before: number | undefined, limit: number) => Promise<readonly Entry[]>,
): Promise<Page<Entry>> {
  const read = async (connection: Connection) => {
    const entries: Entry[] = []
    let last = after?.id
    let bytes = 0
    for (;;) {
      // One more than the limit shows whether there is a next page.
      const rows = Math.min(batchSize, limit + 1 - entries.length)
      const found = await select(connection, last, rows)
      for (const entry of found) {
        if (last !== undefined && (entries.length === limit || bytes >= pageBytes)) {
          return { entries, next: { id: last, seen: await readPoint(connection) } }
        }
        entries.push(entry)
        last = entry.id
        bytes += Buffer.byteLength(JSON.stringify(entry))
      }
      if (found.length < rows) return { entries, next: undefined }
    }
  }
  return client.read(read, { after: after ? [after.seen, ...includes] : includes })
}

/**
 * The WHERE clause of the conditions whose value is given.
 *
 * @param conditions SQL with a `?` for the value.
 */
export function where(conditions: Readonly<Record<string, unknown>>): {
  readonly sql: string
  readonly values: unknown[]
} {
  const given = Object.entries(conditions).filter(([, value]) => value !== undefined)
  const sql = given.map(([condition]) => condition).join(' AND ')
  return { sql: sql && `WHERE ${sql}`, values: given.map(([, value]) => value) }
}

/** The columns whose value is given, for `SET ?`. */
export function given(columns: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined))
}

/** A time as MySQL takes it. @param iso in UTC, as `2026-11-22T09:33:53.123Z` or without milliseconds. */
export const toDateTime = (iso: string) => iso.replace('T', ' ').replace('Z', '')

/**
 * Turns a refusal of the database into one of a field, for `catch`.
 *
 * @param fields what each constraint of the table refuses.
 * @throws {InvalidFields} or the error itself.
 */
export function refuseField(fields: Readonly<Record<string, FieldError>>): (error: unknown) => never {
  return (error) => {
    const { constraint = '' } = error instanceof DatabaseError ? error : {}
    const field = fields[constraint]
    throw field ? new InvalidFields([field]) : error
  }
}
