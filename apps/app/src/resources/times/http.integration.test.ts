import { text } from 'node:stream/consumers'
import { inspect } from 'node:util'
import { createDatabaseClient, type DatabaseClient } from '@repo/db'
import { type MigratedServer, startMigrated } from '@repo/db/testing'
import request from 'supertest'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { collectLines, createTestApp } from '../../../test/test-app.ts'
import type { RunningResource } from '../resource.ts'
import { createTimesRepository } from './repository.ts'
import { times } from './resource.ts'

const log = collectLines()
let mysql: MigratedServer['mysql']
let options: MigratedServer['options']
let table: string
let client: DatabaseClient
let resource: RunningResource
let app: ReturnType<typeof createTestApp>

const createTimes = (tableName: string, using = client) =>
  times.create({
    client: using,
    settings: { DB_TABLENAME: tableName, SAVE_BATCH_LIMIT: 1000, SAVE_QUEUE_LIMIT: 4000, LIST_LIMIT: 64 },
    instrument: (_name, work) => work,
  })

beforeAll(async () => {
  ;({ mysql, options, table } = await startMigrated())
  client = createDatabaseClient(options)
  resource = createTimes(table)
  app = createTestApp(undefined, { client, resources: [resource], logger: log.logger })
})

afterAll(async () => {
  await resource?.close?.()
  await client?.close()
  await mysql?.[Symbol.asyncDispose]()
})

beforeEach(async () => {
  log.lines.length = 0
  await mysql.sql('TRUNCATE testtable; TRUNCATE idempotency_keys')
})

const store = (...dts: string[]) =>
  mysql.sql(`INSERT INTO testtable (dt) VALUES ${dts.map((dt) => `('${dt}')`).join(',')}`)
const count = async () => Number(await mysql.sql('SELECT COUNT(*) FROM testtable'))
/** Keeps the body as it is sent, where supertest would parse JSON. */
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

describe('GET /read', () => {
  it('lists each time once, over inner pages of all sizes', async () => {
    await mysql.sql(
      `SET SESSION cte_max_recursion_depth = 200000; INSERT INTO testtable (dt)
       WITH RECURSIVE n AS (SELECT 0 i UNION ALL SELECT i + 1 FROM n WHERE i < 123455)
       SELECT TIMESTAMPADD(SECOND, i, '2026-01-01') FROM n`,
    )
    // Concurrent lists are read in pages of other sizes than a single one.
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

  it.each(['oldest', 'newest'])('gives pages that link to the next one, %s first', async (order) => {
    await store('2026-01-01', '2026-01-02', '2026-01-02', '2026-01-03', '2026-01-04')
    const listed: string[] = []
    for (let next: string | undefined = `/read?limit=2&order=${order}`; next; ) {
      const response = await get(next)
      listed.push(...JSON.parse(response.body))
      next = /<(.*)>; rel="next"/.exec(response.headers.link ?? '')?.[1]
    }
    const days = ['01', '02', '02', '03', '04']
    expect(listed.map((time) => time.slice(8, 10))).toEqual(order === 'oldest' ? days : days.toReversed())
  })

  it('answers with x-ndjson on request: one JSON string per line', async () => {
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
    `/read?limit=1&after=${Buffer.from('2026-02-30 00:00:00.000 1').toString('base64url')}`,
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
  ] as const)('%s stores one time and returns it', async (method, status) => {
    const before = Date.now()
    const response = await request(app)[method]('/write')
    expect(response.status).toBe(status)
    expect(response.headers['content-type']).toBe('text/plain')
    expect(response.headers['cache-control']).toBe('no-store')
    expect(response.text).toMatch(/^Saved: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    expect(Buffer.byteLength(response.text)).toBe(26)
    const saved = response.text.slice(7)
    const at = Date.parse(`${saved.replace(' ', 'T')}Z`)
    expect(at).toBeGreaterThan(before - 1000)
    expect(at).toBeLessThanOrEqual(Date.now())
    expect((await request(app).get('/read')).body).toEqual([saved])
  })

  it('stores nothing for HEAD', async () => {
    const response = await request(app).head('/write')
    expect(response.status).toBe(405)
    expect(response.headers.allow).toBe('GET, POST')
    expect(await count()).toBe(0)
  })
})

describe.each([
  ['get', 200],
  ['post', 201],
] as const)('%s /write with an Idempotency-Key', (method, status) => {
  const write = (key: string, body?: string) => {
    const sent = request(app)[method]('/write').set('Idempotency-Key', key)
    return body === undefined ? sent : sent.type('text/plain').send(body)
  }

  it('stores one time for all requests with the key, and answers them as the first', async () => {
    const first = await write('a')
    expect([first.status, first.headers['idempotency-replayed']]).toEqual([status, undefined])
    await mysql.sql("UPDATE testtable SET dt = '2026-01-01'")
    const second = await write('a')
    expect([second.status, second.headers['idempotency-replayed']]).toEqual([status, 'true'])
    for (const name of ['content-type', 'content-length', 'cache-control']) {
      expect(second.headers[name]).toBe(first.headers[name])
    }
    expect(second.text).toBe(first.text)
    expect(await count()).toBe(1)
  })

  it('stores one time for concurrent requests with the key, beside those without and with other keys', async () => {
    const keys = Array.from({ length: 60 }, (_, at) => `key ${at % 6}`)
    const responses = await Promise.all([...keys.map((key) => write(key)), request(app)[method]('/write')])
    expect(new Set(responses.map((response) => response.status))).toEqual(new Set([status]))
    expect(responses.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(7)
    expect(await count()).toBe(7)
  })

  it('refuses another body with 422, and stores nothing', async () => {
    expect((await write('a', 'one')).status).toBe(status)
    expect((await write('a', 'one')).headers['idempotency-replayed']).toBe('true')
    for (const body of ['other', undefined]) {
      const response = await write('a', body)
      expect([response.status, response.type]).toEqual([422, 'application/problem+json'])
    }
    expect(await count()).toBe(1)
  })
})

it('keeps the keys of GET /write and POST /write apart', async () => {
  for (const method of ['get', 'post'] as const) {
    const response = await request(app)[method]('/write').set('Idempotency-Key', 'a')
    expect(response.headers['idempotency-replayed']).toBeUndefined()
  }
  expect(await count()).toBe(2)
})

describe('GET /stats', () => {
  it('counts each period of the range', async () => {
    await store('2026-01-01 00:00:00', '2026-01-01 00:59:59.999', '2026-01-01 02:00:00', '2026-01-01 03:00:00')
    const response = await request(app).get('/stats?per=hour&from=2026-01-01T00:00:00Z&to=2026-01-01T03:00:00Z')
    expect(response.body).toEqual({
      per: 'hour',
      from: '2026-01-01T00:00:00Z',
      to: '2026-01-01T03:00:00Z',
      total: 3,
      counts: [2, 0, 1],
    })
  })
})

describe('HEAD', () => {
  it.each(['/', '/read', '/read?limit=1'])('%s has the headers of GET and no body', async (path) => {
    await store('2026-01-01', '2026-01-02')
    const { headers: head, text } = await request(app).head(path)
    const { headers: full } = await request(app).get(path)
    for (const name of ['content-type', 'content-length', 'cache-control', 'vary']) expect(head[name]).toBe(full[name])
    // Each cursor says what its own read has seen.
    const withoutCursor = (link: unknown) => typeof link === 'string' && link.replace(/after=[\w-]+/, '')
    expect(withoutCursor(head.link)).toBe(withoutCursor(full.link))
    expect(text ?? '').toBe('')
  })
})

describe('the log', () => {
  it('has the bytes of a list', async () => {
    await store('2026-01-01')
    await get('/read?limit=5')
    expect(log.lines).toEqual([expect.objectContaining({ path: '/read?limit=5', status: 200, bytes: 27 })])
  })

  it('has no SQL of a failed write', async () => {
    const failing = createTestApp(undefined, { client, resources: [createTimes('missing')], logger: log.logger })
    const response = await request(failing).get('/write')
    expect(response.body).toMatchObject({ status: 500, detail: 'An internal error occurred.' })
    expect(log.lines).toEqual([
      expect.objectContaining({ level: 'error', err: expect.objectContaining({ type: 'DatabaseError' }) }),
    ])
    expect(JSON.stringify(log.lines)).not.toMatch(/INSERT|VALUES|missing|testdb/)
  })

  it('has neither SQL nor values of a failed batch of 1,000 rows', async () => {
    const repository = createTimesRepository(client, { table: 'missing', batchLimit: 1000, queueLimit: 4000 })
    const saves = await Promise.allSettled(Array.from({ length: 1001 }, () => repository.save(new Date())))
    const errors = saves.map((save) => (save.status === 'rejected' ? save.reason : undefined))
    for (const err of errors) log.logger.error({ err })
    const written = JSON.stringify(log.lines)
    expect(log.lines).toHaveLength(1001)
    expect(/INSERT|VALUES|missing|testdb/.test(written)).toBe(false)
    expect(written.split('ER_TABLEACCESS_DENIED_ERROR').length).toBeGreaterThan(1001)
    expect(written.length / 1001).toBeLessThan(3000)
    expect(inspect(errors.at(-1), { showHidden: true, depth: null })).not.toMatch(/INSERT|VALUES|missing|testdb/)
    await repository.close()
  })
})

describe('while the database is unavailable', () => {
  it('answers with 503 and Retry-After, and /healthz stays 200', async () => {
    await mysql.freeze()
    try {
      const responses = await Promise.all(['/read', '/readyz'].map((path) => request(app).get(path)))
      for (const response of responses) {
        expect(response.status).toBe(503)
        expect(response.headers['retry-after']).toBe('1')
      }
      expect(responses[0]?.headers['content-type']).toBe('application/problem+json')
      expect(responses[1]?.body).toMatchObject({ ready: false, writer: 'failed', reader: 'failed' })
      expect((await request(app).get('/healthz')).status).toBe(200)
    } finally {
      await mysql.thaw()
    }
  })

  it('answers a write that was sent with 503 of a type of its own, without Retry-After', async () => {
    // So that there is a connection.
    await request(app).post('/write')
    await mysql.freeze()
    try {
      const { status, type, headers, body } = await request(app).post('/write')
      expect([status, type]).toEqual([503, 'application/problem+json'])
      expect(body).toMatchObject({ type: '/openapi.json#/components/schemas/OutcomeUnknown', status: 503 })
      expect(headers['retry-after']).toBeUndefined()
    } finally {
      await mysql.thaw()
    }
  })

  it('answers a write that was not sent with 503 and Retry-After', async () => {
    const cutOff = createDatabaseClient({ ...options, writer: { host: '127.0.0.2', port: 1 } })
    const unsent = createTimes(table, cutOff)
    try {
      const { status, headers, body } = await request(
        createTestApp(undefined, { client: cutOff, resources: [unsent] }),
      ).post('/write')
      expect([status, body.type, headers['retry-after']]).toEqual([503, 'about:blank', '1'])
    } finally {
      await unsent.close?.()
      await cutOff.close()
    }
  })
})

describe('a Consistency-Token', () => {
  const tokenOf = ({ headers }: request.Response) => String(headers['consistency-token'])

  it('comes with each answer to a write, and a read that sends it back includes the write', async () => {
    const writes = [
      () => request(app).get('/write'),
      () => request(app).post('/write'),
      () => request(app).post('/write').set('Idempotency-Key', 'a'),
      () => request(app).post('/write').set('Idempotency-Key', 'a'),
    ]
    for (const write of writes) {
      const token = tokenOf(await write())
      for (const path of ['/', '/read', '/read?limit=1', '/stats?per=day']) {
        expect((await request(app).get(path).set('Consistency-Token', token)).status).toBe(200)
        expect((await request(app).head(path).set('Consistency-Token', token)).status).toBe(200)
      }
    }
    expect(await count()).toBe(3)
  })

  it('makes counts include the write', async () => {
    const total = async (token?: string) => {
      const counting = request(app).get('/stats?per=day')
      return (await (token === undefined ? counting : counting.set('Consistency-Token', token))).body.total
    }
    for (let at = 1; at <= 20; at += 1) expect(await total(tokenOf(await request(app).post('/write')))).toBe(at)
  })

  it.each(['/', '/read', '/read?limit=1', '/stats?per=day'])(
    'is a 409 at %s when no database has the write',
    async (path) => {
      const response = await request(app).get(path).set('Consistency-Token', '0123456789abcdef-1')
      expect([response.status, response.type, response.headers['retry-after']]).toEqual([
        409,
        'application/problem+json',
        undefined,
      ])
    },
  )

  it.each(['', 'x', '0123456789abcdef', '0123456789abcdef-0', '0123456789abcdef-1,0123456789abcdef-2', '0'.repeat(40)])(
    'is a 400 if it is %o',
    async (token) => {
      expect((await request(app).get('/read').set('Consistency-Token', token)).status).toBe(400)
    },
  )

  it('is ignored where nothing is read', async () => {
    expect((await request(app).get('/healthz').set('Consistency-Token', 'x')).status).toBe(200)
    expect((await request(app).post('/write').set('Consistency-Token', 'x')).status).toBe(201)
  })
})

describe('a cursor', () => {
  const nextOf = ({ headers }: request.Response) => String(/<(.*)>/.exec(headers.link ?? '')?.[1])

  it('of the release before still works', async () => {
    await store('2026-01-01', '2026-01-02', '2026-01-03')
    const [, id] = (await mysql.sql('SELECT id FROM testtable ORDER BY id')).split('\n')
    const cursor = Buffer.from(`2026-01-02 00:00:00.000 ${id}`).toString('base64url')
    expect((await request(app).get(`/read?limit=1&after=${cursor}`)).body).toEqual(['2026-01-03 00:00:00'])
  })

  it('is a 409 when the data went back behind its page', async () => {
    await store('2026-01-01', '2026-01-02')
    await mysql.sql('UPDATE heartbeat SET beat = beat + 100')
    const next = nextOf(await request(app).get('/read?limit=1'))
    expect((await request(app).get(next)).body).toEqual(['2026-01-02 00:00:00'])
    await mysql.sql('UPDATE heartbeat SET beat = beat - 100')
    expect((await request(app).get(next)).status).toBe(409)
  })
})
