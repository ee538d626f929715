import type { Connection } from 'mysql2'
import mysql from 'mysql2'
import { query } from './connection.ts'

/** Where a page ends and the next begins: the last time, as stored, and its row's id. */
export interface Position {
  /** `YYYY-MM-DD HH:MM:SS.mmm`, UTC. */
  readonly dt: string
  readonly id: number
}

/** Some stored times in order, and where they end. */
export interface Page {
  /** Times as `YYYY-MM-DD HH:MM:SS`, UTC; oldest first. */
  readonly times: readonly string[]
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

/** At most `limit` times from behind `after` (from the oldest, without it). */
export async function selectPage(
  connection: Connection,
  table: string,
  limit: number,
  after: Position | undefined,
): Promise<Page> {
  const behind = after ? 'WHERE dt > ? OR (dt = ? AND id > ?)' : ''
  const values = after ? [after.dt, after.dt, after.id] : []
  const rows = await new Promise<[string, number][]>((resolve, reject) => {
    connection.query(
      {
        // One more than asked for tells whether there is a next page.
        sql: `SELECT dt, id FROM ${mysql.escapeId(table)} ${behind} ORDER BY dt, id LIMIT ?`,
        values: [...values, limit + 1],
        rowsAsArray: true,
        dateStrings: true,
      },
      (error, result) => (error ? reject(error) : resolve(result as [string, number][])),
    )
  })
  const more = rows.length > limit
  if (more) rows.pop()
  const last = rows.at(-1)
  return {
    times: rows.map(([dt]) => dt.slice(0, 19)),
    next: more && last ? { dt: last[0], id: last[1] } : undefined,
  }
}
