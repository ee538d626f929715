import { waitFor } from '@repo/compose'
import type { TestEnvironment } from './test-environment.ts'

/** What 10 reads of the load fetch. Nothing else fetches rows of the workload's table. */
const fetchedRows = 200

/**
 * Waits under load until every app reads from the reader, and the reader serves reads; resolves with the seconds until
 * the apps did. Their status gives the time, because asking the reader itself takes as long as starting a client in its
 * container.
 */
export async function readerServesReads(environment: TestEnvironment): Promise<number> {
  const since = performance.now()
  const apps = await environment.topology.containers('app')
  const readingFromReader = new Set<string>()
  await waitFor(
    'every app to read from the reader',
    async () => {
      const response = await fetch(`${environment.topology.url}/status`)
      const { instance, readsFrom } = (await response.json()) as { instance: string; readsFrom: string }
      if (readsFrom === 'reader') readingFromReader.add(instance)
      else readingFromReader.delete(instance)
      return readingFromReader.size === apps.length
    },
    { intervalMs: 20 },
  )
  const seconds = (performance.now() - since) / 1000
  const before = await rowsFetched(environment)
  await waitFor('the reader to serve reads', async () => (await rowsFetched(environment)) > before + fetchedRows)
  return seconds
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
