import { type Connection, type Point, readPoint, readRawRows } from '@repo/db'
import type { Cursor } from './schema.ts'

/** Which end of the stored times a list begins at. */
type Order = 'oldest' | 'newest'

/** Written around each time in {@link Page.text}; ASCII. */
interface RowTemplate {
  readonly prefix: string
  readonly suffix: string
}

/** Which page to read. */
export interface PageQuery {
  /** The most times. */
  readonly limit: number
  /** The end of the page before. @default the page is the first */
  readonly after?: Cursor | undefined
  /** @default 'oldest' */
  readonly order?: Order | undefined
  readonly template: RowTemplate
  /** What the data has to include, apart from that of the page before. @default nothing in particular */
  readonly includes?: readonly Point[]
}

/** Some stored times in order. */
export interface Page {
  /** Times as `YYYY-MM-DD HH:MM:SS`, UTC, each in its template. */
  readonly text: Buffer
  /** Where the next page begins; undefined when this is the last. */
  readonly next: Cursor | undefined
}

const directions = { oldest: { beyond: '>', sort: 'ASC' }, newest: { beyond: '<', sort: 'DESC' } } as const

const timeBytes = 19

/** Reads a page, written into its template as the rows arrive. */
export async function selectPage(
  connection: Connection,
  table: string,
  { limit, after, order = 'oldest', template }: Omit<PageQuery, 'includes'>,
): Promise<Page> {
  const { beyond, sort } = directions[order]
  const where = after ? `WHERE dt ${beyond} ? OR (dt = ? AND id ${beyond} ?)` : ''
  const values = after ? [after.dt, after.dt, after.id] : []
  const row = Buffer.from(template.prefix + ' '.repeat(timeBytes) + template.suffix)
  // Many lists are short, but a page after another is mostly full.
  let text = Buffer.alloc((after ? limit : Math.min(limit, 200)) * row.length, row)
  let rows = 0
  let last: ReturnType<typeof cursorAt> | undefined
  await readRawRows(
    connection,
    // One row more than the limit shows whether there is a next page.
    `SELECT dt, id FROM ?? ${where} ORDER BY dt ${sort}, id ${sort} LIMIT ?`,
    [table, ...values, limit + 1],
    (bytes, offset) => {
      rows += 1
      if (rows > limit) return
      // Each value is its text after its length, which is one byte for values as short as these.
      const dt = offset + 1
      const end = (rows - 1) * row.length
      if (end === text.length) {
        const more = Math.min(3 * end, limit * row.length - end)
        text = Buffer.concat([text, Buffer.alloc(more, row)])
      }
      const to = end + template.prefix.length
      // For so few bytes quicker than Buffer's own copy.
      for (let at = 0; at < timeBytes; at += 1) text[to + at] = bytes[dt + at] as number
      if (rows === limit) last = cursorAt(bytes, dt)
    },
  )
  return {
    text: text.subarray(0, Math.min(rows, limit) * row.length),
    next: rows > limit && last ? { ...last, seen: await readPoint(connection) } : undefined,
  }
}

const dateTimeBytes = 23

function cursorAt(bytes: Buffer, dt: number): Omit<Cursor, 'seen'> {
  const id = dt + dateTimeBytes + 1
  const idBytes = bytes[id - 1] as number
  return {
    dt: bytes.toString('latin1', dt, dt + dateTimeBytes),
    id: Number(bytes.toString('latin1', id, id + idBytes)),
  }
}
