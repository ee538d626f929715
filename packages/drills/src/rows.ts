import { waitFor } from '@repo/compose'
import { CliError } from '@repo/ops/cli.ts'
import type { TestEnvironment } from './test-environment.ts'
import type { Workload } from './workload.ts'

/** SQL that inserts rows of a workload, with consecutive numbers. @throws {CliError} if the table cannot have that many. */
export function insertion(
  {
    table,
    numberedRow: { columns, values, capacity = Number.POSITIVE_INFINITY },
    counts,
  }: Pick<Workload, 'table' | 'numberedRow' | 'counts'>,
  { from, count }: { readonly from: number; readonly count: number },
): string {
  if (from + count > capacity) {
    const most = capacity.toLocaleString('en')
    throw new CliError(`${table} cannot have that many rows: a unique column has ${most} different values.`)
  }
  const numbers = `WITH RECURSIVE numbers AS (SELECT ${from} n UNION ALL SELECT n + 1 FROM numbers WHERE n < ${from + count - 1})`
  return [
    `SET SESSION cte_max_recursion_depth = ${count}`,
    'START TRANSACTION',
    ...(counts ? [`SET ${counts.counted} = TRUE`] : []),
    `INSERT INTO ${table} (${columns}) ${numbers} SELECT ${values} FROM numbers`,
    ...Object.entries(counts?.seconds ?? {}).map(
      ([per, seconds]) => `INSERT INTO ${counts?.table} (generation, per, starts_at, part, n) ${numbers}
        SELECT (${counts?.generation}), '${per}', TIMESTAMPADD(SECOND, ${seconds} * (n DIV ${seconds}), '2020-01-01'), 0, COUNT(*)
        FROM numbers GROUP BY 3 ON DUPLICATE KEY UPDATE n = ${counts?.table}.n + VALUES(n)`,
    ),
    'COMMIT',
  ].join(';\n')
}

/** SQL that gives how far the counts are from the rows; undefined if the workload has none. */
export const miscounted = ({ table, counts }: Workload): string | undefined =>
  counts &&
  `SELECT COALESCE(SUM(n), 0) - ${Object.keys(counts.seconds).length} * (SELECT COUNT(*) FROM ${table})
   FROM ${counts.table} WHERE generation = (${counts.generation})`

/** SQL that creates the rows that those of a workload refer to; each other column gets the default of its type. */
export const parentInsertions = ({ parents = [] }: Workload): readonly string[] =>
  parents.map((parent) => `SET sql_mode = '', foreign_key_checks = 0; INSERT IGNORE INTO ${parent} (id) VALUES (1)`)

/** SQL that removes all rows of a workload, also while another table refers to it. */
export const truncation = ({ table }: Pick<Workload, 'table'>) => `SET foreign_key_checks = 0; TRUNCATE ${table}`

/** SQL that removes the table of a workload likewise. */
export const dropping = ({ table }: Pick<Workload, 'table'>) => `SET foreign_key_checks = 0; DROP TABLE ${table}`

/** Runs `work` while both databases have a million rows of the workload. Removes all rows afterwards. */
export async function withMillionRows<T>({ topology, workload }: TestEnvironment, work: () => Promise<T>): Promise<T> {
  const { table } = workload
  try {
    await topology.sql('db-writer', insertion(workload, { from: 0, count: 1_000_000 }))
    await waitFor('the reader has the rows', async () => {
      return (await topology.sql('db-reader', `SELECT COUNT(*) >= 1000000 FROM ${table}`)) === '1'
    })
    return await work()
  } finally {
    await topology.sql('db-writer', truncation(workload))
  }
}
