import type { Connection } from 'mysql2'
import mysql from 'mysql2'
import { query } from './connection.ts'
import { DatabaseOverloaded } from './errors.ts'

/** A stretch of time by which stored times are counted. */
export type Period = 'minute' | 'hour' | 'day'

/** The length of a {@link Period}: in UTC, without leap seconds, they are all the same. */
export const periodMs: Readonly<Record<Period, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }

/** What is counted: from `from` until before `to`, both where a period begins, in milliseconds since 1970. */
export interface CountRange {
  readonly per: Period
  readonly from: number
  readonly to: number
}

// ER_QUERY_TIMEOUT
const outOfTime = 3024

/**
 * How many times each period of the range has. It reads that range of the index, which is quick for what a chart
 * shows and long for a huge table as a whole: the server itself ends it after `limitMs`.
 *
 * @throws {DatabaseOverloaded} when that was not enough.
 */
export async function selectCounts(
  connection: Connection,
  table: string,
  { per, from, to }: CountRange,
  limitMs: number,
): Promise<readonly number[]> {
  const [begin, end] = [new Date(from), new Date(to)].map((time) => time.toISOString().slice(0, 19).replace('T', ' '))
  const counts = Array<number>((to - from) / periodMs[per]).fill(0)
  const rows = await query(
    connection,
    `SELECT /*+ MAX_EXECUTION_TIME(${Math.max(1, Math.floor(limitMs))}) */
       TIMESTAMPDIFF(${per}, ?, dt) AS period, COUNT(*) AS count
     FROM ${mysql.escapeId(table)} WHERE dt >= ? AND dt < ? GROUP BY period`,
    [begin, begin, end],
  ).catch((error: unknown) => {
    if (Object(error).errno !== outOfTime) throw error
    throw new DatabaseOverloaded('there is more to count than there is time for', { cause: error })
  })
  for (const { period, count } of rows) counts[period] = count
  return counts
}
