import type { AddressInfo } from 'node:net'
import { batchChannel, type Database, DatabaseOverloaded, type DatabaseState } from '@repo/db'
import { pino } from 'pino'
import request from 'supertest'
import { beforeEach, describe, expect, it } from 'vitest'
import { createApp } from '../src/app.ts'
import { createMetrics, createMetricsServer, type Metrics } from '../src/metrics.ts'

const pool = { idle: 1, busy: 2, waiting: 3, failing: false, evictions: 4 }
const state: DatabaseState = {
  savesWaiting: 7,
  writer: pool,
  reader: { ...pool, failing: true },
  fallbacks: 5,
  readerLagMs: 1500,
}
let save: Database['save']
let metrics: Metrics
let app: ReturnType<typeof createApp>

const notAsked = () => Promise.reject(new Error('no request here asks for this'))

beforeEach(() => {
  save = async () => {}
  const database: Database = {
    save: (time) => save(time),
    page: async () => ({ text: Buffer.alloc(0), next: undefined }),
    counts: notAsked,
    read: notAsked,
    write: notAsked,
    status: notAsked,
    ping: async () => {},
    state: () => state,
    close: async () => {},
  }
  metrics = createMetrics(database)
  app = createApp({
    database,
    logger: pino({ level: 'silent' }),
    isDraining: () => false,
    admission: { inFlightLimit: 1, eventLoopDelayLimitMs: 10_000 },
    instance: 'test',
    observers: [metrics.observe],
  })
})

/** The value of a series, as its name and labels stand in the text. */
async function readingOf(series: string): Promise<number | undefined> {
  const line = (await metrics.text()).split('\n').find((each) => each.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

const requests = (method: string, route: string, status: number) =>
  readingOf(`http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"}`)

describe('the metrics', () => {
  it('count requests by method, route and status', async () => {
    await request(app).get('/write')
    await request(app).post('/write')
    await request(app).post('/write')
    await request(app).delete('/read?limit=1')
    expect(await requests('GET', '/write', 200)).toBe(1)
    expect(await requests('POST', '/write', 201)).toBe(2)
    expect(await requests('other', '/read', 405)).toBe(1)
  })

  it('have no more labels for many unknown paths than for one', async () => {
    const seriesNow = async () => (await metrics.text()).split('\nhttp_').length
    await request(app).get('/nowhere')
    const series = await seriesNow()
    for (const path of ['/a', '/b', '/%ff', '/read/', '/c?d=e']) await request(app).get(path)
    expect(await seriesNow()).toBe(series)
    expect(await requests('GET', 'none', 404)).toBe(6)
  })

  it('tell who refused a request', async () => {
    let answer = () => {}
    save = () => new Promise((resolve) => (answer = resolve))
    const first = request(app).get('/write').then()
    while ((await request(app).get('/read')).status !== 503);
    answer()
    await first
    save = () => Promise.reject(new DatabaseOverloaded('full'))
    await request(app).get('/write')
    expect(await readingOf('http_requests_refused_total{by="admission"}')).toBe(1)
    expect(await readingOf('http_requests_refused_total{by="queue"}')).toBe(1)
  })

  it('hold the state of the database, as it is when they are read', async () => {
    const expected = {
      save_queue_waiting: 7,
      'database_connections{endpoint="writer",state="idle"}': 1,
      'database_connections{endpoint="reader",state="busy"}': 2,
      'database_connections_waiting{endpoint="reader"}': 3,
      'database_failing{endpoint="writer"}': 0,
      'database_failing{endpoint="reader"}': 1,
      'database_evictions_total{endpoint="writer"}': 4,
      database_reader_fallbacks_total: 5,
      database_reader_lag_seconds: 1.5,
    }
    for (const [series, value] of Object.entries(expected)) {
      expect({ [series]: await readingOf(series) }).toEqual({ [series]: value })
    }
    // A counter is not added to by being read.
    expect(await readingOf('database_reader_fallbacks_total')).toBe(5)
  })

  it('hold the sizes of batches, and what Node tells of the process', async () => {
    await batchChannel.tracePromise(async () => {}, { times: [new Date(), new Date()] })
    expect(await readingOf('save_batch_size_count')).toBe(1)
    expect(await readingOf('save_batch_size_sum')).toBe(2)
    expect(await readingOf('nodejs_eventloop_lag_p99_seconds')).toEqual(expect.any(Number))
    expect(await readingOf('process_resident_memory_bytes')).toBeGreaterThan(1e6)
  })

  it('are served on a port of their own, and nothing else is', async () => {
    const server = createMetricsServer(metrics).listen(0)
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const answer = await fetch(`${url}/metrics`)
      expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
      expect(await answer.text()).toContain('# TYPE http_request_duration_seconds histogram')
      expect((await fetch(`${url}/write`)).status).toBe(404)
      expect((await request(app).get('/metrics')).status).toBe(404)
    } finally {
      server.close()
    }
  })
})
