import { type Connection, type DatabaseClient, DatabaseError, type Point, readPoint } from '@repo/db'
import type { Cursor, Page } from '../http/pages.ts'
import { type FieldError, InvalidFields } from '../http/problem.ts'

/**
 * Reads a page. The next one comes from data that includes it.
 *
 * @param select reads that many entries at most.
 * @throws like `client.read`.
 * @public for resources
 */
export function readPage<Entry extends { readonly id: number }>(
  client: DatabaseClient,
  { limit, after }: { readonly limit: number; readonly after?: Cursor | undefined },
  includes: readonly Point[],
  select: (connection: Connection, limit: number) => Promise<readonly Entry[]>,
): Promise<Page<Entry>> {
  const read = async (connection: Connection) => {
    // One more than the limit shows whether there is a next page.
    const found = await select(connection, limit + 1)
    const entries = found.slice(0, limit)
    const last = entries.at(-1)
    const next = found.length > limit && last ? { id: last.id, seen: await readPoint(connection) } : undefined
    return { entries, next }
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
