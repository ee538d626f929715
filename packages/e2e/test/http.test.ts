import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { dockerOutput, openProject, waitFor } from '@repo/compose'
import { afterAll, describe, expect, it } from 'vitest'
import { expectLongList } from './long-list.ts'
import { removeTimes, storedTimes } from './times.ts'
import { restoreTopology, topology } from './topology.ts'

/** Excludes the log lines of earlier files. */
const startedAt = new Date().toISOString()

const get = (path: string, init: RequestInit = {}) => fetch(topology.url + path, init)
const getText = async (path: string, init?: RequestInit) => (await get(path, init)).text()
const getList = async (path: string) => (await (await get(path)).json()) as string[]

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
  it('answers [] at / and /read when nothing is stored', async () => {
    await removeTimes()
    for (const path of ['/', '/read']) {
      await waitFor(`GET ${path} to return an empty list`, async () => (await getText(path)) === '[]')
      expect((await get(path)).headers.get('content-type')).toBe('application/json')
    }
  })

  it('stores a time and lists it byte for byte as json.dumps(list, indent=2) does', async () => {
    await removeTimes()
    const responses = [await get('/write'), await get('/write', { method: 'POST' })]
    expect(responses.map(({ status }) => status)).toEqual([200, 201])
    const saved = await Promise.all(responses.map((response) => response.text()))
    for (const text of saved) expect(text).toMatch(/^Saved: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    expect(responses[0]?.headers.get('content-type')).toBe('text/plain')
    expect(responses[0]?.headers.get('cache-control')).toBe('no-store')
    const [first, second] = saved.map((text) => text.slice('Saved: '.length))
    await waitFor('both times to be listed', async () => (await getList('/read')).length === 2)
    expect(await getText('/read')).toBe(`[\n  "${first}",\n  "${second}"\n]`)
    expect(await getText('/read', { headers: { Accept: 'application/x-ndjson' } })).toBe(`"${first}"\n"${second}"\n`)
  })

  it('stores a time once per key for a chunked body too', async () => {
    const post = (body: string) =>
      get('/write', {
        method: 'POST',
        headers: { 'Idempotency-Key': 'chunked', 'Content-Type': 'application/json' },
        // A stream has no length.
        body: new Blob([body]).stream(),
        duplex: 'half',
      } as RequestInit)
    expect((await post('{"a":1}')).status).toBe(201)
    expect((await post('{"a":1}')).headers.get('idempotency-replayed')).toBe('true')
    expect((await post('{"a":2}')).status).toBe(422)
  })

  it.each([
    { 'Sec-Purpose': 'prefetch;prerender' },
    { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' },
  ])('stores nothing for GET /write with %j', async (headers) => {
    const before = await storedTimes('db-writer')
    expect((await get('/write', { headers })).status).toBe(403)
    expect(await storedTimes('db-writer')).toEqual(before)
  })

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

  it('stores nothing for HEAD /write', async () => {
    const before = await storedTimes('db-writer')
    const response = await get('/write', { method: 'HEAD' })
    expect(response.status).toBe(405)
    expect(await storedTimes('db-writer')).toEqual(before)
  })

  it('answers HEAD on a read with the headers of GET', async () => {
    const [head, full] = [await get('/read', { method: 'HEAD' }), await get('/read')]
    expect(head.status).toBe(200)
    expect(await head.text()).toBe('')
    expect(head.headers.get('content-type')).toBe(full.headers.get('content-type'))
  })

  it('links each page to the next', async () => {
    await removeTimes()
    for (let count = 0; count < 3; count += 1) await get('/write')
    await waitFor('three times to be listed', async () => (await getList('/read')).length === 3)
    const first = await get('/read?limit=2')
    const next = /<([^>]+)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1]
    const second = await get(String(next))
    expect(await first.json()).toHaveLength(2)
    expect(await second.json()).toHaveLength(1)
    expect(second.headers.get('link')).toBeNull()
  })

  it('stores one time for all requests with the same Idempotency-Key, whichever instance gets them', async () => {
    await removeTimes()
    const headers = { 'Idempotency-Key': `a "key" ~ ${randomUUID()}` }
    const write = () => get('/write', { method: 'POST', headers })
    const [first, ...others] = [await write(), ...(await Promise.all(Array.from({ length: 10 }, write)))]
    const text = await first.text()
    for (const other of others) {
      expect([other.status, other.headers.get('idempotency-replayed'), await other.text()]).toEqual([201, 'true', text])
    }
    expect(await storedTimes('db-writer')).toHaveLength(1)
  })

  it.each([
    ['/nope', 'GET', 404],
    ['/read?limit=0', 'GET', 400],
    ['/read?limit=10001', 'GET', 400],
    ['/read', 'DELETE', 405],
    ['/write', 'PUT', 405],
  ])('answers %s with %s as a problem, %i', async (path, method, status) => {
    const response = await get(path, { method })
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.has('allow')).toBe(status === 405)
    const requestId = response.headers.get('x-request-id')
    expect(requestId).toMatch(/^[A-Za-z0-9._-]{1,64}$/)
    expect(await response.json()).toMatchObject({ status, requestId })
  })

  it('answers /healthz from Apache and /readyz from the app', async () => {
    expect((await get('/healthz')).status).toBe(200)
    expect(await (await get('/readyz')).json()).toEqual({ ready: true, draining: false, writer: 'ok', reader: 'ok' })
  })

  it('compresses a list when the client accepts gzip', async () => {
    await removeTimes()
    await Promise.all(Array.from({ length: 100 }, () => getText('/write')))
    await waitFor('100 times to be listed', async () => (await getList('/read')).length === 100)
    // Not by fetch, which decompresses.
    const [encoding, body] = await new Promise<[string | undefined, Buffer]>((resolve, reject) => {
      request(`${topology.url}/read`, { headers: { 'Accept-Encoding': 'gzip' } }, async (response) => {
        resolve([response.headers['content-encoding'], await buffer(response)])
      })
        .on('error', reject)
        .end()
    })
    expect(encoding).toBe('gzip')
    expect(JSON.parse(String(gunzipSync(body)))).toHaveLength(100)
  })

  it('streams a long list in order, with bounded memory in the app', () => expectLongList(200_000))
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

  it('uses both instances of both tiers for reads and for writes', () => expectBalanced(2, ['/write', '/read?limit=1']))

  it('reads from the reader and writes to the writer', async () => {
    await removeTimes()
    // A row that only the reader has: no binary log contains it.
    const onReader = (statement: string) =>
      topology.sql(
        'db-reader',
        `SET GLOBAL super_read_only = OFF; SET sql_log_bin = OFF; ${statement}; SET GLOBAL super_read_only = ON`,
      )
    await onReader("INSERT INTO testdb.testtable (id, dt) VALUES (999999, '2001-01-01')")
    await waitFor("the reader's row to be listed", async () => (await getText('/read')).includes('2001-01-01'))
    expect(await getList('/read')).toEqual(['2001-01-01 00:00:00'])
    await onReader('DELETE FROM testdb.testtable')
    await get('/write')
    expect(await storedTimes('db-writer')).toHaveLength(1)
  })

  it('publishes the ALB and nothing else, without a profile', async () => {
    const { services } = JSON.parse(await openProject().compose('config', '--format', 'json')) as {
      services: Record<string, { ports?: unknown }>
    }
    expect(Object.keys(services).filter((name) => services[name]?.ports)).toEqual(['alb'])
  })

  it('starts again after an outage of a whole tier: its balancer stays healthy', async () => {
    await topology.compose('stop', '--timeout', '1', 'app')
    await waitFor('the outage', async () => (await get('/read')).status >= 500)
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
    await expectBalanced(3, ['/read?limit=2'])
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
    const response = await get('/read?limit=1', { headers: { 'X-Request-Id': given } })
    expect(response.headers.get('x-request-id')).toBe(given)
    await expectInBothTiers(given)
  })

  it('have one new id in place of a hostile one, in the response, web and app', async () => {
    const response = await get('/read?limit=1', { headers: { 'X-Request-Id': '"}\\x00<script>' } })
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
