import { hash } from 'node:crypto'
import { createDatabaseClient, type DatabaseClient, query } from '@repo/db'
import { startMigrated } from '@repo/db/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createContract } from '../../../test/contract.ts'
import { createTestApp } from '../../../test/test-app.ts'
import type { RunningResource } from '../resource.ts'
import { times } from './resource.ts'

const contract = createContract('times')
const status = createContract('service')
const lists = ['/', '/read']
let mysql: Awaited<ReturnType<typeof startMigrated>>['mysql']
let client: DatabaseClient
let resource: RunningResource
let app: ReturnType<typeof createTestApp>
/** An application that admits no request. */
let overloaded: ReturnType<typeof createTestApp>

beforeAll(async () => {
  const server = await startMigrated()
  mysql = server.mysql
  client = createDatabaseClient(server.options)
  resource = times.create({
    client,
    settings: { DB_TABLENAME: server.table, SAVE_BATCH_LIMIT: 1000, SAVE_QUEUE_LIMIT: 4000, LIST_LIMIT: 64 },
    instrument: (_name, work) => work,
  })
  const create = (inFlightLimit: number) =>
    createTestApp(undefined, {
      client,
      resources: [resource],
      admission: { inFlightLimit, eventLoopDelayLimitMs: 10_000 },
    })
  app = create(100)
  overloaded = create(0)
  await mysql.sql(`INSERT INTO ${server.table} (dt) VALUES ('2026-01-01'), ('2026-01-02'), ('2026-01-03')`)
})

afterAll(async () => {
  await resource?.close?.()
  await client?.close()
  await mysql?.[Symbol.asyncDispose]()
})

describe('the responses of the times are as documented', () => {
  it.each(lists)('for the list at %s', async (path) => {
    expect(JSON.parse((await contract.expectResponse(app, 200, 'get', path)).body)).toHaveLength(3)
    await contract.expectResponse(app, 200, 'get', path, { Accept: 'application/x-ndjson' })
    for (const order of ['oldest', 'newest']) {
      const first = await contract.expectResponse(app, 200, 'get', `${path}?limit=2&order=${order}`)
      const next = /<(.*)>/.exec(first.headers.link ?? '')?.[1]
      expect((await contract.expectResponse(app, 200, 'get', String(next))).headers.link).toBeUndefined()
    }
    for (const query of ['limit=0', 'limit=1&order=first', 'order=newest', 'limit=1&after=x', 'x=1']) {
      await contract.expectResponse(app, 400, 'get', `${path}?${query}`)
    }
  })

  it('for writes', async () => {
    await contract.expectResponse(app, 200, 'get', '/write')
    await contract.expectResponse(app, 201, 'post', '/write')
    for (const method of ['get', 'post'] as const) await contract.expectResponse(app, 400, method, '/write?x=1')
    await contract.expectResponse(app, 403, 'get', '/write', { 'Sec-Purpose': 'prefetch' })
  })

  it.each(['get', 'post'] as const)('for bodies that a write refuses, by %s', async (method) => {
    await contract.expectResponse(app, 413, method, '/write', {}, { text: 'x'.repeat(131_072) })
    await contract.expectResponse(app, 415, method, '/write', { 'Content-Encoding': 'unknown' }, {})
  })

  it.each([
    ['get', 200],
    ['post', 201],
  ] as const)('for writes with a key, by %s', async (method, status) => {
    const key = { 'Idempotency-Key': 'a key' }
    await contract.expectResponse(app, status, method, '/write', key)
    const replay = await contract.expectResponse(app, status, method, '/write', key)
    expect(replay.headers['idempotency-replayed']).toBe('true')
    await contract.expectResponse(app, 400, method, '/write', { 'Idempotency-Key': 'é' })
    await mysql.sql("UPDATE idempotency_keys SET fingerprint = 'other'")
    await contract.expectResponse(app, 422, method, '/write', key)
    await mysql.sql('DELETE FROM idempotency_keys')
    await client.transaction(
      async (connection) => {
        const id = hash('sha256', `${method.toUpperCase()} /write\na key`, 'buffer').subarray(0, 16)
        await query(connection, "INSERT INTO idempotency_keys (id, fingerprint, result) VALUES (?, '', '')", [id])
        await contract.expectResponse(app, 409, method, '/write', key)
      },
      { deadline: performance.now() + 600_000 },
    )
    await mysql.sql('DELETE FROM idempotency_keys')
  })

  it('for a Consistency-Token that no database has', async () => {
    const token = { 'Consistency-Token': '0123456789abcdef-1' }
    for (const path of [...lists, '/stats?per=day']) await contract.expectResponse(app, 409, 'get', path, token)
  })

  it('for counts', async () => {
    for (const query of ['per=minute', 'per=hour', 'per=day&from=2026-01-01T00:00:00Z&to=2026-01-04T00:00:00Z']) {
      await contract.expectResponse(app, 200, 'get', `/stats?${query}`)
    }
    await contract.expectResponse(app, 400, 'get', '/stats')
  })

  it('for their part of the status', async () => {
    const response = await status.expectResponse(app, 200, 'get', '/status')
    expect(JSON.parse(response.body).newest).toBeGreaterThanOrEqual(3)
  })

  it('while the service is overloaded', async () => {
    for (const path of [...lists, '/write', '/stats?per=minute']) {
      await contract.expectResponse(overloaded, 503, 'get', path)
    }
    await contract.expectResponse(overloaded, 503, 'post', '/write')
  })

  it('while the database is unavailable, /status with 200', async () => {
    await mysql.freeze()
    try {
      await Promise.all([
        ...[...lists, '/write', '/stats?per=day'].map((path) => contract.expectResponse(app, 503, 'get', path)),
        contract.expectResponse(app, 503, 'post', '/write'),
        status.expectResponse(app, 503, 'get', '/readyz'),
        status.expectResponse(app, 200, 'get', '/status').then(({ body }) => {
          expect(JSON.parse(body)).toMatchObject({ writer: 'failed', reader: 'failed', newest: null })
        }),
      ])
    } finally {
      await mysql.thaw()
    }
  })

  it('for other methods', async () => {
    await contract.expectOtherMethodsRefused(app, ['/write'])
  })

  it('completely', () => {
    contract.expectComplete()
  })
})
