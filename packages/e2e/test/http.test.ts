import { execFile } from 'node:child_process'
import { request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { openStack, type Stack } from '@repo/compose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

const run = promisify(execFile)
let stack: Stack

beforeAll(async () => {
  stack = await openStack({ project: 'three-tier-test-http', port: 18_082 })
}, 600_000)
afterAll(() => stack?.down())

/** For what takes a moment by its nature: replication, logs. */
const patience = { timeout: 10_000, interval: 100 }

const get = (path: string, init: RequestInit = {}) => fetch(stack.url + path, init)
const empty = () => stack.sql('db-writer', 'TRUNCATE testdb.testtable')
const stored = async (service: string) =>
  (await stack.sql(service, 'SELECT dt FROM testdb.testtable')).split('\n').filter(Boolean)

/** What each container of a service has written, standard output and standard error. */
async function logsOf(service: string): Promise<string[]> {
  const ids = await stack.containers(service)
  const readings = ids.map((id) => run('docker', ['logs', id], { maxBuffer: 64 * 1024 * 1024 }))
  return (await Promise.all(readings)).map(({ stdout, stderr }) => stdout + stderr)
}

/** The same as objects. @throws when a line is not JSON. */
const linesOf = async (service: string): Promise<Record<string, unknown>[]> =>
  (await logsOf(service))
    .flatMap((text) => text.split('\n'))
    .filter(Boolean)
    .map((line) => JSON.parse(line))

describe('the contract, through the ALB', () => {
  it('answers [] at / and /read when nothing is stored', async () => {
    await empty()
    for (const path of ['/', '/read']) {
      await vi.waitFor(async () => expect(await (await get(path)).text()).toBe('[]'), patience)
      expect((await get(path)).headers.get('content-type')).toBe('application/json')
    }
  })

  it('stores a time and lists it byte by byte as json.dumps(list, indent=2) does', async () => {
    await empty()
    const answers = [await get('/write'), await get('/write', { method: 'POST' })]
    expect(answers.map(({ status }) => status)).toEqual([200, 201])
    const saved = await Promise.all(answers.map((answer) => answer.text()))
    for (const text of saved) expect(text).toMatch(/^Saved: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    expect(answers[0]?.headers.get('content-type')).toBe('text/plain')
    expect(answers[0]?.headers.get('cache-control')).toBe('no-store')
    const [first, second] = saved.map((text) => text.slice('Saved: '.length))
    await vi.waitFor(
      async () => expect(await (await get('/read')).text()).toBe(`[\n  "${first}",\n  "${second}"\n]`),
      patience,
    )
    expect(await (await get('/read', { headers: { Accept: 'application/x-ndjson' } })).text()).toBe(
      `"${first}"\n"${second}"\n`,
    )
  })

  it('stores nothing for HEAD /write', async () => {
    const before = await stored('db-writer')
    const answer = await get('/write', { method: 'HEAD' })
    expect(answer.status).toBe(405)
    expect(await stored('db-writer')).toEqual(before)
  })

  it('answers HEAD on a read with the headers of GET', async () => {
    const [head, full] = [await get('/read', { method: 'HEAD' }), await get('/read')]
    expect(head.status).toBe(200)
    expect(await head.text()).toBe('')
    expect(head.headers.get('content-type')).toBe(full.headers.get('content-type'))
  })

  it('links from page to page', async () => {
    await empty()
    for (let i = 0; i < 3; i++) await get('/write')
    await vi.waitFor(async () => expect(await (await get('/read')).json()).toHaveLength(3), patience)
    const first = await get('/read?limit=2')
    const next = /<([^>]+)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1]
    const second = await get(String(next))
    expect(await first.json()).toHaveLength(2)
    expect(await second.json()).toHaveLength(1)
    expect(second.headers.get('link')).toBeNull()
  })

  it.each([
    ['/nope', 'GET', 404],
    ['/read?limit=0', 'GET', 400],
    ['/read?limit=10001', 'GET', 400],
    ['/read', 'DELETE', 405],
    ['/write', 'PUT', 405],
  ])('answers %s with %s as a problem, %i', async (path, method, status) => {
    const answer = await get(path, { method })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.headers.has('allow')).toBe(status === 405)
    const requestId = answer.headers.get('x-request-id')
    expect(requestId).toMatch(/^[A-Za-z0-9._-]{1,64}$/)
    expect(await answer.json()).toMatchObject({ status, requestId })
  })

  it('answers health from Apache and readiness from the app', async () => {
    expect((await get('/healthz')).status).toBe(200)
    expect(await (await get('/readyz')).json()).toEqual({ ready: true, draining: false, writer: 'ok', reader: 'ok' })
  })

  it('compresses a list when asked to', async () => {
    await empty()
    await Promise.all(Array.from({ length: 100 }, () => get('/write').then((answer) => answer.text())))
    await vi.waitFor(async () => expect(await (await get('/read')).json()).toHaveLength(100), patience)
    // Not by fetch, which would unpack it unseen.
    const [encoding, body] = await new Promise<[string | undefined, Buffer]>((resolve, reject) => {
      request(`${stack.url}/read`, { headers: { 'Accept-Encoding': 'gzip' } }, async (response) => {
        resolve([response.headers['content-encoding'], await buffer(response)])
      })
        .on('error', reject)
        .end()
    })
    expect(encoding).toBe('gzip')
    expect(JSON.parse(String(gunzipSync(body)))).toHaveLength(100)
  })
})

describe('the topology', () => {
  it('uses both instances of both tiers for reads and for writes', async () => {
    // Many at a time: one after the other, all would go out on the same kept connection, and that leads to one app.
    const askMany = () =>
      Promise.all(Array.from({ length: 32 }, (_, i) => get(i % 2 ? '/write' : '/read?limit=1').then((r) => r.text())))
    await vi.waitFor(async () => {
      for (let i = 0; i < 5; i++) await askMany()
      for (const service of ['web', 'app']) {
        const logs = await logsOf(service)
        expect(logs).toHaveLength(2)
        for (const text of logs) {
          expect(text).toContain('"path":"/write"')
          expect(text).toContain('"path":"/read?limit=1"')
        }
      }
    }, patience)
  })

  it('reads from the reader and writes to the writer', async () => {
    await empty()
    await vi.waitFor(async () => expect(await stored('db-reader')).toEqual([]), patience)
    // A row that only the reader has, kept out of every binary log.
    const onlyHere = (statement: string) =>
      stack.sql(
        'db-reader',
        `SET GLOBAL super_read_only = OFF; SET sql_log_bin = OFF; ${statement}; SET GLOBAL super_read_only = ON`,
      )
    await onlyHere("INSERT INTO testdb.testtable (id, dt) VALUES (999999, '2001-01-01')")
    expect(await (await get('/read')).json()).toEqual(['2001-01-01 00:00:00'])
    await onlyHere('DELETE FROM testdb.testtable')
    await get('/write')
    expect(await stored('db-writer')).toHaveLength(1)
  })

  it('publishes the ALB and nothing else', async () => {
    const services = JSON.parse(await stack.compose('config', '--format', 'json')).services as Record<
      string,
      { ports?: unknown }
    >
    expect(Object.keys(services).filter((name) => services[name]?.ports)).toEqual(['alb'])
  })

  it('balances over as many instances as it is scaled to', async () => {
    await stack.compose('up', '--detach', '--wait', '--no-recreate', '--scale', 'app=3', '--scale', 'web=3')
    await vi.waitFor(
      async () => {
        await Promise.all(Array.from({ length: 30 }, () => get('/read?limit=2').then((answer) => answer.text())))
        for (const service of ['web', 'app']) {
          const logs = await logsOf(service)
          expect(logs).toHaveLength(3)
          for (const text of logs) expect(text).toContain('"path":"/read?limit=2"')
        }
      },
      { timeout: 30_000, interval: 500 },
    )
  }, 90_000)
})

describe('the logs', () => {
  it('have the id of a request in every tier', async () => {
    const given = `stack-test-${Date.now()}`
    const answer = await get('/read?limit=1', { headers: { 'X-Request-Id': given } })
    expect(answer.headers.get('x-request-id')).toBe(given)
    await vi.waitFor(async () => {
      expect((await linesOf('web')).some(({ requestId }) => requestId === given)).toBe(true)
      expect((await linesOf('app')).some(({ id }) => id === given)).toBe(true)
    }, patience)
  })

  it('replace a hostile id by one and the same in answer, web and app', async () => {
    const answer = await get('/read?limit=1', { headers: { 'X-Request-Id': '"}\\x00<script>' } })
    const id = answer.headers.get('x-request-id')
    expect(id).toMatch(/^[A-Za-z0-9._-]{1,64}$/)
    await vi.waitFor(async () => {
      expect((await linesOf('web')).some(({ requestId }) => requestId === id)).toBe(true)
      expect((await linesOf('app')).some((line) => line.id === id)).toBe(true)
    }, patience)
  })

  it.each(['web', 'app', 'db-init'])('of %s are JSON, every line', async (service) => {
    expect((await linesOf(service)).length).toBeGreaterThan(0)
  })
})

describe('a million rows', () => {
  it('stream whole and in order, while the memory of the app grows by less than 64 MiB', async () => {
    await empty()
    await stack.sql(
      'db-writer',
      `SET SESSION cte_max_recursion_depth = 1000000; INSERT INTO testdb.testtable (dt)
       WITH RECURSIVE n AS (SELECT 0 i UNION ALL SELECT i + 1 FROM n WHERE i < 999999)
       SELECT TIMESTAMPADD(SECOND, i, '2000-01-01') FROM n`,
    )
    await vi.waitFor(
      async () => expect(await stack.sql('db-reader', 'SELECT COUNT(*) FROM testdb.testtable')).toBe('1000000'),
      {
        timeout: 150_000,
        interval: 1000,
      },
    )
    const resident = async () => {
      const ids = await stack.containers('app')
      const readings = ids.map((id) => run('docker', ['exec', id, 'cat', '/proc/1/status']))
      return (await Promise.all(readings)).map(({ stdout }) => Number(/VmHWM:\s+(\d+) kB/.exec(stdout)?.[1]) / 1024)
    }
    const before = await resident()
    const response = await get('/read')
    let bytes = 0
    let rows = 0
    let misplaced = 0
    let previous = ''
    let rest = ''
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      bytes += chunk.length
      const lines = (rest + Buffer.from(chunk).toString()).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines.filter((text) => text !== '[')) {
        if (line < previous) misplaced += 1
        previous = line
        rows += 1
      }
    }
    expect(rest).toBe(']')
    expect(rows).toBe(1_000_000)
    expect(misplaced).toBe(0)
    // "[\n", then `  "2000-01-01 00:00:00",\n` a row, the last one without the comma, and "]".
    expect(bytes).toBe(2 + 1_000_000 * 25 - 1 + 1)
    const after = await resident()
    after.forEach((peak, at) => {
      expect(peak - Number(before[at])).toBeLessThan(64)
    })
  }, 400_000)
})
