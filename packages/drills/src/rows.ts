import { waitFor } from '@repo/compose'
import type { TestEnvironment } from './test-environment.ts'
import type { Workload } from './workload.ts'

const insertion = ({ table, numberedRow: { columns, values } }: Workload) => `
  SET SESSION cte_max_recursion_depth = 1000000;
  INSERT INTO ${table} (${columns})
    WITH RECURSIVE numbers AS (SELECT 0 n UNION ALL SELECT n + 1 FROM numbers WHERE n < 999999)
    SELECT ${values} FROM numbers`

/** Runs `work` while both databases have a million rows of the workload. Removes all rows afterwards. */
export async function withMillionRows<T>({ topology, workload }: TestEnvironment, work: () => Promise<T>): Promise<T> {
  const { table } = workload
  try {
    await topology.sql('db-writer', insertion(workload))
    await waitFor('the reader has the rows', async () => {
      return (await topology.sql('db-reader', `SELECT COUNT(*) >= 1000000 FROM ${table}`)) === '1'
    })
    return await work()
  } finally {
    await topology.sql('db-writer', `SET foreign_key_checks = 0; TRUNCATE ${table}`)
  }
}
