import { waitFor } from '@repo/compose'
import type { TestEnvironment } from './test-environment.ts'

/** What 10 reads of the load fetch. Only reads fetch rows of that table; more of them would delay the result. */
const fetchedRows = 200

/** Waits under load until the reader serves reads; resolves with the seconds that it took. */
export async function readerServesReads(environment: TestEnvironment): Promise<number> {
  const since = performance.now()
  const before = await rowsFetched(environment)
  await waitFor('the reader serves reads', async () => (await rowsFetched(environment)) > before + fetchedRows)
  return (performance.now() - since) / 1000
}

/** How many rows of the workload's table statements have fetched from the reader; what replication writes is not in it. */
async function rowsFetched({ topology, workload }: TestEnvironment): Promise<number> {
  const [schema, table] = workload.table.split('.')
  return Number(
    await topology.sql(
      'db-reader',
      `SELECT COUNT_FETCH FROM performance_schema.table_io_waits_summary_by_table
       WHERE OBJECT_SCHEMA = '${schema}' AND OBJECT_NAME = '${table}'`,
    ),
  )
}
