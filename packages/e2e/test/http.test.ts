import { randomUUID } from 'node:crypto'
import { dockerOutput, openProject, waitFor } from '@repo/compose'
import { insertion } from '@repo/drills/rows.ts'
import { afterAll, describe, expect, it } from 'vitest'
import { expectProblem } from './problem.ts'
import { countRows, describeResource, list, removeRows, resource, store } from './resource.ts'
import { hasReader, restoreTopology, topology } from './topology.ts'

/** Excludes the log lines of earlier files. */
const startedAt = new Date().toISOString()

const get = (path: string, init: RequestInit = {}) => fetch(topology.url + path, init)
const getText = async (path: string) => (await get(path)).text()

/** What each container of a service has written to both outputs. */
async function logsOf(service: string, since = startedAt): Promise<string[]> {
  const ids = await topology.containers(service)
  const logs = ids.map((id) => dockerOutput(['logs', '--since', since, id]))
  return (await Promise.all(logs)).map(({ stdout, stderr }) => stdout + stderr)
}

/** The same as objects. @throws when a line is not JSON. */
const linesOf = async (service: string, since?: string): Promise<Record<string, unknown>[]> =>
  (await logsOf(service, since))
    .flatMap((text) => text.split('\n'))
    .filter(Boolean)
    .map((line) => JSON.parse(line))

describe('the HTTP contract', () => {
  it.each([
    ['/nope', 'GET', 404],
    ['/status?nope', 'GET', 400],
    ['/status', 'DELETE', 405],
  ])('answers %s with %s as a problem, %i', async (path, method, status) =>
    expectProblem(await get(path, { method }), status),
  )

  it("logs the address of the ALB's client, whatever the client sends", async () => {
    const headers = { 'X-Forwarded-For': '198.51.100.7, 10.0.0.1', 'X-Request-Id': randomUUID() }
    await get('/healthz/unknown', { headers })
    const clientIn = (service: string) =>
      waitFor(`the line of ${service}`, async () => {
        const line = (await linesOf(service)).find(({ requestId }) => requestId === headers['X-Request-Id'])
        return line?.client
      })
    expect(await clientIn('web')).toBe(await clientIn('alb'))
  })

  it('answers /healthz from Apache and /readyz from the app', async () => {
    expect((await get('/healthz')).status).toBe(200)
    expect(await (await get('/readyz')).json()).toEqual({ ready: true, draining: false, writer: 'ok', reader: 'ok' })
  })
})

describe('the topology', () => {
  afterAll(restoreTopology)

  /** Waits until all of `count` containers of each tier have handled each of the requests. */
  async function expectBalanced(count: number, paths: readonly string[]): Promise<void> {
    await waitFor(`${count} instances of each tier to handle ${paths}`, async () => {
      // Concurrently: sequential requests would share one connection, which leads to one app.
      await Promise.all(Array.from({ length: 32 }, (_, at) => getText(String(paths[at % paths.length]))))
      const logs = [await logsOf('web'), await logsOf('app')]
      return (
        logs.every(({ length }) => length === count) &&
        logs.flat().every((text) => paths.every((path) => text.includes(`"path":"${path}"`)))
      )
    })
  }

  it('uses every instance of both tiers', () => expectBalanced(hasReader ? 2 : 1, ['/status', '/openapi.json']))

  it('publishes the ALB and nothing else, without a profile', async () => {
    const { services } = JSON.parse(await openProject().compose('config', '--format', 'json')) as {
      services: Record<string, { ports?: unknown }>
    }
    expect(Object.keys(services).filter((name) => services[name]?.ports)).toEqual(['alb'])
  })

  it('starts again after an outage of a whole tier: its balancer stays healthy', async () => {
    await topology.compose('stop', '--timeout', '1', 'app')
    await waitFor('the outage', async () => (await get('/status')).status >= 500)
    for (const balancer of ['alb', 'nlb']) await topology.exec(balancer, ['healthcheck.sh', '8405', '/healthz'])
    await restoreTopology()
  })

  it('keeps every container when it is started again', async () => {
    await restoreTopology()
    const containers = await topology.list()
    await restoreTopology()
    expect((await topology.list()).map(({ id }) => id)).toEqual(containers.map(({ id }) => id))
  })

  it('balances over as many instances as it is scaled to', async () => {
    await topology.up('--scale', 'app=3', '--scale', 'web=3')
    await expectBalanced(3, ['/status'])
  })
})

describeResource('the databases', () => {
  it.runIf(hasReader)('serve reads from the reader and writes from the writer', async () => {
    await removeRows()
    const { table, counts, listed } = resource()
    // A row that only the reader has: no binary log contains it, nor its counts.
    const onReader = (statement: string) =>
      topology.sql(
        'db-reader',
        `SET GLOBAL super_read_only = OFF; SET sql_log_bin = OFF; ${statement}; SET GLOBAL super_read_only = ON`,
      )
    await onReader(insertion(resource(), { from: 1, count: 1 }))
    await waitFor("the reader's row to be listed", async () => listed(await list())?.length === 1)
    await onReader([table, ...(counts ? [counts.table] : [])].map((each) => `DELETE FROM ${each}`).join('; '))
    await store()
    expect(await countRows('db-writer')).toBe(1)
  })
})

describe('the logs', () => {
  const expectInBothTiers = async (id: string) => {
    await waitFor(`the lines of request ${id}`, async () => {
      const [web, app] = [await linesOf('web'), await linesOf('app')]
      return web.some(({ requestId }) => requestId === id) && app.some((line) => line.id === id)
    })
  }

  it('have the id of a request in every tier', async () => {
    const given = `e2e-${Date.now()}`
    const response = await get('/status', { headers: { 'X-Request-Id': given } })
    expect(response.headers.get('x-request-id')).toBe(given)
    await expectInBothTiers(given)
  })

  it('have one new id in place of a hostile one, in the response, web and app', async () => {
    const response = await get('/status', { headers: { 'X-Request-Id': '"}\\x00<script>' } })
    const id = String(response.headers.get('x-request-id'))
    expect(id).toMatch(/^[A-Za-z0-9._-]{1,64}$/)
    await expectInBothTiers(id)
  })

  it.each([
    ['web', startedAt],
    ['app', startedAt],
    ['db-init', '0'],
  ])('of %s are JSON, every line', async (service, since) => {
    expect((await linesOf(service, since)).length).toBeGreaterThan(0)
  })
})
