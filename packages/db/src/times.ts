import type { Connection, Query } from 'mysql2'
import mysql from 'mysql2'
import { query } from './connection.ts'

/** Where a page ends and the next begins: the last time, as stored, and its row's id. */
export interface Position {
  /** `YYYY-MM-DD HH:MM:SS.mmm`, UTC. */
  readonly dt: string
  readonly id: number
}

/** Which end of the stored times a list begins at. */
export type Order = 'oldest' | 'newest'

/** What stands around each time in {@link Page.text}; ASCII. */
export interface Frame {
  readonly before: string
  readonly behind: string
}

/** What a page is to hold. */
export interface PageQuery {
  /** The most times. */
  readonly limit: number
  /** Where the page before ended. @default the beginning */
  readonly after?: Position | undefined
  /** @default 'oldest' */
  readonly order?: Order | undefined
  /** @default nothing around the times */
  readonly frame?: Frame
}

/** Some stored times in order, and where they end. */
export interface Page {
  /** Times as `YYYY-MM-DD HH:MM:SS`, UTC, each in its frame. */
  readonly text: Buffer
  /** Where to go on; undefined when this page reached the end. */
  readonly next: Position | undefined
}

/** A time as MySQL takes and gives it: `YYYY-MM-DD HH:MM:SS.mmm`, UTC. */
const toDateTime = (time: Date) => time.toISOString().slice(0, 23).replace('T', ' ')

/** Stores the times with one statement, so all or none of them, committed when it resolves. */
export async function insertTimes(connection: Connection, table: string, times: readonly Date[]): Promise<void> {
  // Not a prepared statement: each number of rows would be another one.
  const rows = times.map((time) => [toDateTime(time)])
  await query(connection, `INSERT INTO ${mysql.escapeId(table)} (dt) VALUES ?`, [rows])
}

/** The id of the row stored last; 0 if none. */
export async function newestId(connection: Connection, table: string): Promise<number> {
  const [row] = await query(connection, `SELECT MAX(id) AS id FROM ${mysql.escapeId(table)}`)
  return Number(row?.id ?? 0)
}

const directions = { oldest: { beyond: '>', sort: 'ASC' }, newest: { beyond: '<', sort: 'DESC' } } as const

const timeBytes = 19

/** The page asked for, written into frames as its rows arrive. */
export async function selectPage(
  connection: Connection,
  table: string,
  { limit, after, order = 'oldest', frame = { before: '', behind: '' } }: PageQuery,
): Promise<Page> {
  const { beyond, sort } = directions[order]
  const behind = after ? `WHERE dt ${beyond} ? OR (dt = ? AND id ${beyond} ?)` : ''
  const values = after ? [after.dt, after.dt, after.id] : []
  const framed = Buffer.from(frame.before + ' '.repeat(timeBytes) + frame.behind)
  // Many lists are short, but where there was a page before there are more rows than a few.
  let text = Buffer.alloc((after ? limit : Math.min(limit, 200)) * framed.length, framed)
  let rows = 0
  let last: Position | undefined
  await new Promise<void>((resolve, reject) => {
    const query = connection.query(
      // One more than asked for tells whether there is a next page.
      `SELECT dt, id FROM ${mysql.escapeId(table)} ${behind} ORDER BY dt ${sort}, id ${sort} LIMIT ?`,
      [...values, limit + 1],
      (error) => (error ? reject(error) : resolve()),
    )
    takeRows(query, (bytes, offset) => {
      rows += 1
      if (rows > limit) return
      // Each value is its text behind a byte with its length, as short as these are.
      const dt = offset + 1
      const full = (rows - 1) * framed.length
      if (full === text.length) {
        const more = Math.min(3 * full, limit * framed.length - full)
        text = Buffer.concat([text, Buffer.alloc(more, framed)])
      }
      const to = full + frame.before.length
      // For so few bytes quicker than Buffer's own copy.
      for (let at = 0; at < timeBytes; at += 1) text[to + at] = bytes[dt + at] as number
      if (rows === limit) last = positionAt(bytes, dt)
    })
  })
  return {
    text: text.subarray(0, Math.min(rows, limit) * framed.length),
    next: rows > limit ? last : undefined,
  }
}

const dateTimeBytes = 23

function positionAt(bytes: Buffer, dt: number): Position {
  const id = dt + dateTimeBytes + 1
  const idBytes = bytes[id - 1] as number
  return {
    dt: bytes.toString('latin1', dt, dt + dateTimeBytes),
    id: Number(bytes.toString('latin1', id, id + idBytes)),
  }
}

interface RowPacket {
  readonly buffer: Buffer
  readonly offset: number
  isEOF(): boolean
}

type RowState = (this: unknown, packet: RowPacket, connection: unknown) => unknown

/**
 * Gives each row's bytes as they came instead of making values of them, which would cost more than all else. The
 * driver's command is a machine whose states are methods: this replaces the one that reads a row.
 * https://github.com/sidorares/node-mysql2/blob/master/lib/commands/query.js
 */
function takeRows(query: Query, take: (bytes: Buffer, offset: number) => void): void {
  const command = query as unknown as { row: RowState }
  const ended = command.row
  command.row = function row(packet, connection) {
    if (packet.isEOF()) return ended.call(this, packet, connection)
    take(packet.buffer, packet.offset)
    return row
  }
}
