import { tracingChannel } from 'node:diagnostics_channel'
import request from 'supertest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { send } from '../../src/http/send.ts'
import { startTracing, type Tracing } from '../../src/observability/tracing.ts'
import { type Collector, startCollector } from '../collector.ts'
import { collectLines, createTestApp } from '../test-app.ts'

const secret = 'a value of a statement'
const log = collectLines()
const statements = tracingChannel<{ query: string; serverAddress: string }, unknown>('mysql2:query')
const batches = tracingChannel<{ items: object[] }, unknown>('app:batch')
let collector: Collector
let tracing: Tracing

/** Publishes a statement as mysql2 does: with its values in it. */
const run = (query: string, work: () => Promise<void> = async () => {}) =>
  statements.tracePromise(work, { query, serverAddress: 'db-writer' })

const rows = Array.from({ length: 1000 }, () => `('${secret}', 'it''s FROM secrets')`).join()

beforeAll(async () => {
  collector = await startCollector()
  tracing = startTracing(collector.url, log.logger)
  const save = tracing.instrument('save', (item: object) =>
    batches.tracePromise(() => run(`INSERT INTO \`things\` (text) VALUES ${rows}`), { items: [item] }),
  )
  const app = createTestApp(
    async ({ req, res }) => {
      if (req.method === 'POST') await save({})
      else if (req.path === '/write-thing') {
        await run(`SELECT '${secret} FROM secrets' FROM things WHERE text = "${secret}"`, () =>
          Promise.reject(
            Object.assign(new Error(`near '${secret}'`), { code: 'ER_PARSE_ERROR', errno: 1064, sqlState: '42000' }),
          ),
        )
      }
      send(res, 200, 'text/plain', 'done')
    },
    { observers: [tracing.observe], logger: log.logger },
  )
  await request(app)
    .get('/things')
    .set({ traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'X-Request-Id': 'r-1' })
  await request(app).post('/things')
  await request(app).get('/write-thing')
  await request(app).get(`/nowhere?${encodeURIComponent(secret)}`)
  await tracing.close()
})

afterAll(() => collector?.close())

const span = (name: string) => collector.spans.find((each) => each.name === name)

describe('startTracing', () => {
  it("continues the caller's trace, and names it in the log", () => {
    expect(span('GET /things')).toMatchObject({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      parentSpanId: 'b7ad6b7169203331',
      attributes: { 'http.response.status_code': 200, 'request.id': 'r-1', 'http.route': '/things' },
    })
    expect(log.lines.find(({ id }) => id === 'r-1')).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c' })
  })

  it('links an instrumented call with its batch, in which the statement runs', () => {
    const [save, batch, insert] = ['save', 'batch', 'INSERT'].map(span)
    expect(save?.parentSpanId).toBe(span('POST /things')?.spanId)
    expect(save?.links).toEqual([batch?.spanId])
    expect(batch?.links).toEqual([save?.spanId])
    expect(insert?.parentSpanId).toBe(batch?.spanId)
  })

  it('describes a statement by its operation and table alone', () => {
    expect(span('INSERT')?.attributes).toEqual({
      'db.system.name': 'mysql',
      'db.operation.name': 'INSERT',
      'db.collection.name': 'things',
      'server.address': 'db-writer',
    })
    expect(span('SELECT')?.attributes).toMatchObject({ 'db.collection.name': 'things' })
  })

  it('marks failed requests and statements', () => {
    expect(span('SELECT')?.status).toEqual({ code: 2, message: 'ER_PARSE_ERROR (1064)' })
    expect(span('GET /write-thing')?.status).toEqual({ code: 2 })
  })

  it('exports no value of a statement or query, in no form', () => {
    expect(collector.text()).toContain('INSERT')
    expect(collector.text()).not.toMatch(/a value of|secrets|VALUES/)
    expect(log.text()).not.toMatch(/near/)
  })
})
