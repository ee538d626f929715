import { docker, waitFor } from '@repo/compose'
import { afterAll, it } from 'vitest'
import { restoreTopology, topology } from './topology.ts'

afterAll(restoreTopology)

it('ends the connections of an app that lost the network within a minute', async () => {
  const network = `${topology.project}_app-db`
  const [app = ''] = await topology.containers('app')
  const address = await docker([
    'inspect',
    '--format',
    `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`,
    app,
  ])
  const connections = async (service: 'db-writer' | 'db-reader') =>
    Number(
      await topology.sql(
        service,
        `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'app' AND HOST LIKE '${address}:%'`,
      ),
    )
  await waitFor('connections of the app to both databases', async () => {
    await fetch(`${topology.url}/status`)
    return (await connections('db-writer')) > 0 && (await connections('db-reader')) > 0
  })
  await docker(['network', 'disconnect', network, app])
  try {
    // The server's own timer ends them, however busy the machine is.
    for (const service of ['db-writer', 'db-reader'] as const) {
      await waitFor(`no connections at ${service}`, async () => (await connections(service)) === 0, {
        timeoutMs: 60_000,
      })
    }
  } finally {
    await docker(['network', 'connect', '--alias', 'app', network, app])
  }
  await waitFor('requests to succeed', async () => (await fetch(`${topology.url}/readyz`)).ok)
})
