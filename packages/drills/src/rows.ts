import { waitFor } from '@repo/compose'
import type { TestEnvironment } from './test-environment.ts'
import type { Workload } from './workload.ts'

/** SQL that inserts rows of a workload, with consecutive numbers. */
export const insertion = (
  { table, numberedRow: { columns, values } }: Pick<Workload, 'table' | 'numberedRow'>,
  { from, count }: { readonly from: number; readonly count: number },
) => `
  SET SESSION cte_max_recursion_depth = ${count};
  INSERT INTO ${table} (${columns})
    WITH RECURSIVE numbers AS (SELECT ${from} n UNION ALL SELECT n + 1 FROM numbers WHERE n < ${from + count - 1})
    SELECT ${values} FROM numbers`

/** SQL that creates the rows that those of a workload refer to; each other column gets the default of its type. */
export const parentInsertions = ({ parents = [] }: Workload): readonly string[] =>
  parents.map((parent) => `SET sql_mode = '', foreign_key_checks = 0; INSERT IGNORE INTO ${parent} (id) VALUES (1)`)

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
    await topology.sql('db-writer', `SET foreign_key_checks = 0; TRUNCATE ${table}`)
  }
}
