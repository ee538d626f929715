import { type Connection, DatabaseError, DatabaseOverloaded, query } from '@repo/db'

/** The unit of time by which stored times are counted. */
export type Period = 'minute' | 'hour' | 'day'

/** The length of a {@link Period}: in UTC, without leap seconds, all of them have the same. */
export const periodMs: Readonly<Record<Period, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }

/** The range that is counted: `from` inclusive, `to` exclusive, both at the start of a period, in ms since 1970. */
export interface CountRange {
  readonly per: Period
  readonly from: number
  readonly to: number
}

// ER_QUERY_TIMEOUT
const queryTimeout = 3024

/**
 * How many times each period of the range has. It scans that range of the index, which is quick for what a chart shows
 * and slow for a huge table as a whole: the server ends it after `limitMs`.
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
     FROM ?? WHERE dt >= ? AND dt < ? GROUP BY period`,
    [begin, table, begin, end],
  ).catch((error: unknown) => {
    if (!(error instanceof DatabaseError) || error.errno !== queryTimeout) throw error
    throw new DatabaseOverloaded('too many times to count before the deadline', { cause: error })
  })
  for (const { period, count } of rows) counts[period] = count
  return counts
}
