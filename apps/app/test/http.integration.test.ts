import { text } from 'node:stream/consumers'
import { type Database, openDatabase } from '@repo/db'
import { startMigrated } from '@repo/db/testing'
import { pino } from 'pino'
import request from 'supertest'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createApp } from '../src/app.ts'

let mysql: Awaited<ReturnType<typeof startMigrated>>['mysql']
let database: Database
let app: ReturnType<typeof createApp>
let draining = false
const lines: Record<string, unknown>[] = []

beforeAll(async () => {
  const started = await startMigrated()
  mysql = started.mysql
  database = openDatabase(started.options)
  const logger = pino({ level: 'info' }, { write: (line) => lines.push(JSON.parse(line)) })
  const admission = { inFlightLimit: 100, eventLoopDelayLimitMs: 10_000 }
  app = createApp({ database, logger, isDraining: () => draining, admission, instance: 'this-one' })
})

afterAll(async () => {
  await database?.close()
  await mysql?.[Symbol.asyncDispose]()
})

beforeEach(async () => {
  draining = false
  lines.length = 0
  await mysql.sql('TRUNCATE testtable')
})

const store = (...dts: string[]) =>
  mysql.sql(`INSERT INTO testtable (dt) VALUES ${dts.map((dt) => `('${dt}')`).join(',')}`)
const count = async () => Number(await mysql.sql('SELECT COUNT(*) FROM testtable'))
/** Keeps the body as it came, where supertest would parse JSON. */
const raw = (response: request.Response, done: (error: Error | null, body: unknown) => void) => {
  void text(response as unknown as NodeJS.ReadableStream).then((body) => done(null, body))
}
const get = (path: string) => request(app).get(path).buffer(true).parse(raw)

describe.each(['/', '/read'])('GET %s', (path) => {
  it('answers [] when nothing is stored', async () => {
    const response = await get(path)
    expect(response.status).toBe(200)
    expect(response.headers['content-type']).toBe('application/json')
    expect(response.body).toBe('[]')
  })

  it('lists the times as json.dumps(list, indent=2) does', async () => {
    await store('2026-11-22 09:33:53.123', '2026-11-22 09:33:54.999')
    expect((await get(path)).body).toBe('[\n  "2026-11-22 09:33:53",\n  "2026-11-22 09:33:54"\n]')
  })
})

describe('every answer', () => {
  it.each(['/read', '/write?x', '/nowhere'])(
    'to %s is no page of a browser and nothing for other sites',
    async (path) => {
      expect((await get(path)).headers).toMatchObject({
        'content-security-policy': "default-src 'none';frame-ancestors 'none'",
        'cross-origin-resource-policy': 'same-origin',
      })
    },
  )
})

describe('GET /read', () => {
  it('lists small and large inner pages without a gap or a double', async () => {
    await mysql.sql(
      `SET SESSION cte_max_recursion_depth = 200000; INSERT INTO testtable (dt)
       WITH RECURSIVE n AS (SELECT 0 i UNION ALL SELECT i + 1 FROM n WHERE i < 123455)
       SELECT TIMESTAMPADD(SECOND, i, '2026-01-01') FROM n`,
    )
    // At the same time, so that they come in pages of other sizes than one alone.
    const [body, ...others]: string[] = (await Promise.all([get('/read'), get('/'), get('/read')])).map(
      ({ body }) => body,
    )
    const listed: string[] = JSON.parse(body as string)
    expect(listed).toHaveLength(123_456)
    expect(new Set(listed).size).toBe(123_456)
    expect(listed.join()).toBe([...listed].sort().join())
    expect(body).toBe(JSON.stringify(listed, null, 2))
    for (const other of [...others, (await get('/read')).body]) expect(other === body).toBe(true)
    const asLines: string = (await get('/read').set('Accept', 'application/x-ndjson')).body
    expect(asLines === listed.map((time) => `"${time}"\n`).join('')).toBe(true)
  })

  it('gives pages that link to the next one', async () => {
    await store('2026-01-01', '2026-01-02', '2026-01-02', '2026-01-03', '2026-01-04')
    const listed: string[] = []
    for (let next: string | undefined = '/read?limit=2'; next; ) {
      const response = await get(next)
      listed.push(...JSON.parse(response.body))
      next = /<(.*)>; rel="next"/.exec(response.headers.link ?? '')?.[1]
    }
    expect(listed.map((time) => time.slice(8, 10))).toEqual(['01', '02', '02', '03', '04'])
  })

  it('answers x-ndjson when asked for: one JSON string a line', async () => {
    await store('2026-01-01', '2026-01-02')
    const response = await get('/read').set('Accept', 'application/x-ndjson')
    expect(response.headers['content-type']).toBe('application/x-ndjson')
    expect(response.body).toBe('"2026-01-01 00:00:00"\n"2026-01-02 00:00:00"\n')
  })

  it.each([
    '/read?limit=0',
    '/read?limit=10001',
    '/read?limit=',
    '/read?limit=1e3',
    '/read?limit=1&limit=2',
    '/read?after=abc',
    '/read?limit=1&after=abc',
    `/read?limit=1&after=${Buffer.from("2026-13-99 00:00:00.000 1'--").toString('base64url')}`,
    '/read?unknown=1',
    '/?limit=x',
    '/write?x=1',
  ])('fails with 400 for %s', async (path) => {
    const response = await request(app).get(path)
    expect(response.status).toBe(400)
    expect(response.headers['content-type']).toBe('application/problem+json')
    expect(response.body).toMatchObject({ status: 400, requestId: response.headers['x-request-id'] })
  })
})

describe('/write', () => {
  it.each([
    ['get', 200],
    ['post', 201],
  ] as const)('%s stores one time and says which', async (method, status) => {
    const before = Date.now()
    const response = await request(app)[method]('/write')
    expect(response.status).toBe(status)
    expect(response.headers['content-type']).toBe('text/plain')
    expect(response.headers['cache-control']).toBe('no-store')
    expect(response.text).toMatch(/^Saved: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    expect(Buffer.byteLength(response.text)).toBe(26)
    const saved = response.text.slice(7)
    expect(Math.abs(Date.parse(`${saved.replace(' ', 'T')}Z`) - before)).toBeLessThan(5000)
    expect((await request(app).get('/read')).body).toEqual([saved])
  })

  it('stores nothing for HEAD', async () => {
    const response = await request(app).head('/write')
    expect(response.status).toBe(405)
    expect(response.headers.allow).toBe('GET, POST')
    expect(await count()).toBe(0)
  })
})

describe('HEAD', () => {
  it.each(['/', '/read', '/read?limit=1'])('%s has the headers of GET and no body', async (path) => {
    await store('2026-01-01', '2026-01-02')
    const { headers: head, text } = await request(app).head(path)
    const { headers: full } = await request(app).get(path)
    for (const name of ['content-type', 'content-length', 'link', 'cache-control', 'vary']) {
      expect(head[name]).toBe(full[name])
    }
    expect(text ?? '').toBe('')
  })
})

describe('what the contract does not have', () => {
  it.each([
    ['delete', '/read', 'GET, HEAD'],
    ['post', '/', 'GET, HEAD'],
    ['options', '/read', 'GET, HEAD'],
    ['put', '/write', 'GET, POST'],
    ['post', '/healthz', 'GET, HEAD'],
  ] as const)('%s %s is 405 with Allow', async (method, path, allow) => {
    const response = await request(app)[method](path)
    expect(response.status).toBe(405)
    expect(response.headers.allow).toBe(allow)
    expect(response.headers['content-type']).toBe('application/problem+json')
  })

  it.each(['/nope', '/read/', '/Read', '/read/1', '/%2e%2e/', '/readyz/'])('%s is 404', async (path) => {
    const response = await request(app).get(path)
    expect(response.status).toBe(404)
    expect(response.headers['content-type']).toBe('application/problem+json')
    expect(response.body).toMatchObject({ type: 'about:blank', title: 'Not Found', status: 404 })
  })
})

describe('X-Request-Id', () => {
  it('keeps a valid one, in the answer and in the log', async () => {
    const response = await request(app).get('/nope').set('X-Request-Id', 'abc-1.2_3')
    expect(response.headers['x-request-id']).toBe('abc-1.2_3')
    expect(lines.at(-1)).toMatchObject({ id: 'abc-1.2_3', method: 'GET', path: '/nope', status: 404 })
  })

  it.each(['', 'a b', 'a"b', 'x'.repeat(65), '<script>'])('replaces %j', async (hostile) => {
    const response = await request(app).get('/nope').set('X-Request-Id', hostile)
    expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('the log', () => {
  it('has one line a request, with duration and bytes', async () => {
    await store('2026-01-01')
    await get('/read?limit=5')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({ method: 'GET', path: '/read?limit=5', status: 200, bytes: 27 })
    expect(lines[0]?.durationMs).toBeGreaterThan(0)
  })

  it('has none for health probes that succeed', async () => {
    await request(app).get('/healthz')
    expect(lines).toEqual([])
  })
})

describe('health', () => {
  it('is 200 while all is well', async () => {
    expect((await request(app).get('/healthz')).status).toBe(200)
    const ready = await request(app).get('/readyz')
    expect(ready.status).toBe(200)
    expect(ready.body).toEqual({ ready: true, draining: false, writer: 'ok', reader: 'ok' })
  })

  it('is 503 while draining, and connections are given up', async () => {
    draining = true
    expect((await request(app).get('/healthz')).status).toBe(503)
    const ready = await request(app).get('/readyz')
    expect(ready.status).toBe(503)
    expect(ready.headers.connection).toBe('close')
  })
})

describe('while the database is away', () => {
  it('answers 503 with Retry-After within 3 s, and /healthz stays 200', async () => {
    await mysql.freeze()
    try {
      const startedAt = performance.now()
      const answers = await Promise.all(['/read', '/write', '/readyz'].map((path) => request(app).get(path)))
      expect(performance.now() - startedAt).toBeLessThan(3000)
      for (const answer of answers) {
        expect(answer.status).toBe(503)
        expect(answer.headers['retry-after']).toBe('1')
      }
      expect(answers[0]?.headers['content-type']).toBe('application/problem+json')
      expect(answers[2]?.body).toMatchObject({ ready: false, writer: 'failed', reader: 'failed' })
      expect((await request(app).get('/healthz')).status).toBe(200)
    } finally {
      await mysql.thaw()
    }
  })
})
