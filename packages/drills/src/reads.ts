import { docker, waitFor } from '@repo/compose'
import type { TestEnvironment } from './test-environment.ts'

/** What 10 reads of the load fetch. Nothing else fetches rows of the workload's table. */
const fetchedRows = 200

// Runs in the app's container: the proxies keep a client's connections at one app. Prints milliseconds since 1970.
const untilItReadsFromReader = `
  for (;;) {
    const response = await fetch('http://127.0.0.1:9090/status')
    if ((await response.json()).readsFrom === 'reader') break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  console.log(Date.now())`

/**
 * Waits under load until every app reads from the reader, and the reader serves reads; resolves with the seconds until
 * the apps did. Their status gives the time, because asking the reader itself takes as long as starting a client in its
 * container.
 */
export async function readerServesReads(environment: TestEnvironment): Promise<number> {
  const since = Date.now()
  const apps = await environment.topology.containers('app')
  const times = await Promise.all(
    apps.map((app) =>
      docker(['exec', app, 'node', '--input-type=module', '-e', untilItReadsFromReader], { timeoutMs: 300_000 }),
    ),
  )
  const before = await rowsFetched(environment)
  await waitFor('the reader to serve reads', async () => (await rowsFetched(environment)) > before + fetchedRows)
  return (Math.max(...times.map(Number)) - since) / 1000
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
