import { type Connection, query, type Statement } from '@repo/db'

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

/** Transactions that add to different parts of a count do not wait for each other. Part 0 is that of the triggers. */
const parts = 8

/** Adds times to the counts of their periods. */
export function countStatement(times: readonly Date[]): Statement {
  const part = 1 + Math.floor(parts * Math.random())
  // In one order everywhere: two transactions wait for each other, but never in a circle.
  const added = (Object.keys(periodMs) as Period[]).flatMap((per) => {
    const counts = new Map<number, number>()
    for (const time of times) {
      const start = Math.floor(time.getTime() / periodMs[per]) * periodMs[per]
      counts.set(start, (counts.get(start) ?? 0) + 1)
    }
    return [...counts].toSorted(([a], [b]) => a - b).map(([start, n]) => [per, toDateTime(new Date(start)), part, n])
  })
  return [
    `INSERT INTO time_counts (generation, per, starts_at, part, n)
     SELECT generation, added.* FROM time_counting,
       (VALUES ${added.map(() => 'ROW(?)').join()}) AS added (per, starts_at, part, n)
     ON DUPLICATE KEY UPDATE n = time_counts.n + added.n`,
    added,
  ]
}

/** How many times each period of the range has. They are stored in `table`, whose triggers count what others store. */
export async function selectCounts(
  connection: Connection,
  table: string,
  { per, from, to }: CountRange,
): Promise<readonly number[]> {
  const counts = Array<number>((to - from) / periodMs[per]).fill(0)
  const [begin, end] = [new Date(from), new Date(to)].map(toDateTime)
  const rows = await query(
    connection,
    // After a TRUNCATE the generation is the one before, until a row is stored. EXISTS would cost more than all the rest.
    `SELECT TIMESTAMPDIFF(${per}, ?, starts_at) AS period, SUM(n) AS count
     FROM time_counts
     WHERE generation = (SELECT generation FROM time_counting WHERE (SELECT MAX(id) FROM ??) IS NOT NULL)
       AND per = ? AND starts_at >= ? AND starts_at < ?
     GROUP BY starts_at`,
    [begin, table, per, begin, end],
  )
  for (const { period, count } of rows) counts[period] = Number(count)
  return counts
}

/** A time as MySQL takes it: `YYYY-MM-DD HH:MM:SS.mmm`, UTC. */
export const toDateTime = (time: Date) => time.toISOString().slice(0, 23).replace('T', ' ')
