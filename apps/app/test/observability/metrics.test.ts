import type { AddressInfo } from 'node:net'
import { DatabaseOverloaded } from '@repo/db'
import { Gauge } from 'prom-client'
import request from 'supertest'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Exchange } from '../../src/http/endpoint.ts'
import { send } from '../../src/http/send.ts'
import { createMetrics, createMetricsServer, type Metrics } from '../../src/observability/metrics.ts'
import type { RunningResource } from '../../src/resources/resource.ts'
import { client, createTestApp, running, thingsResource } from '../test-app.ts'

const done = ({ res }: Exchange<unknown>) => send(res, 200, 'text/plain', 'done')
let handle: (exchange: Exchange<unknown>) => void | Promise<void>
let metrics: Metrics
let app: ReturnType<typeof createTestApp>

const things: RunningResource = {
  ...running(thingsResource()),
  registerMetrics(registry) {
    new Gauge({ name: 'things', help: 'A metric of a resource.', registers: [registry] }).set(9)
  },
}

beforeEach(() => {
  handle = done
  metrics = createMetrics(client, [things])
  app = createTestApp((exchange) => handle(exchange), {
    observers: [metrics.observe],
    admission: { inFlightLimit: 1, eventLoopDelayLimitMs: 10_000 },
  })
})

/** The value of a series, by its name and labels as they are in the text. */
async function seriesValue(series: string): Promise<number | undefined> {
  const line = (await metrics.text()).split('\n').find((each) => each.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

const requests = (method: string, route: string, status: number) =>
  seriesValue(`http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"}`)

describe('the metrics', () => {
  it('count requests by method, route and status', async () => {
    await request(app).get('/things')
    await request(app).post('/things')
    await request(app).post('/things')
    await request(app).options('/things?limit=1')
    expect(await requests('GET', '/things', 200)).toBe(1)
    expect(await requests('POST', '/things', 200)).toBe(2)
    expect(await requests('other', '/things', 405)).toBe(1)
  })

  it('have no more labels for many unknown paths than for one', async () => {
    const count = async () => (await metrics.text()).split('\nhttp_').length
    await request(app).get('/nowhere')
    const series = await count()
    for (const path of ['/a', '/b', '/%ff', '/things/', '/c?d=e']) await request(app).get(path)
    expect(await count()).toBe(series)
    expect(await requests('GET', 'none', 404)).toBe(6)
  })

  it('count refused requests by the limit that refused them', async () => {
    const arrived = Promise.withResolvers<Exchange<unknown>>()
    handle = (exchange) => arrived.resolve(exchange)
    const first = request(app).get('/things').then()
    const exchange = await arrived.promise
    expect((await request(app).get('/things')).status).toBe(503)
    done(exchange)
    await first
    handle = () => Promise.reject(new DatabaseOverloaded('full'))
    await request(app).get('/things')
    expect(await seriesValue('http_requests_refused_total{by="admission"}')).toBe(1)
    expect(await seriesValue('http_requests_refused_total{by="queue"}')).toBe(1)
  })

  it('report no acknowledgement on one machine where there is no reader', async () => {
    metrics = createMetrics({ ...client, state: () => ({ ...client.state(), hasReader: false }) }, [])
    expect(await seriesValue('database_acknowledged_on_one')).toBe(0)
  })

  it('have the state of the database client when they are read', async () => {
    const expected = {
      'database_connections{endpoint="writer",state="idle"}': 1,
      'database_connections{endpoint="reader",state="busy"}': 2,
      'database_connections_waiting{endpoint="reader"}': 3,
      'database_failing{endpoint="writer"}': 0,
      'database_failing{endpoint="reader"}': 1,
      'database_evictions_total{endpoint="writer"}': 4,
      database_reader_fallbacks_total: 5,
      database_reader_lag_seconds: 1.5,
      database_acknowledged_on_one: 1,
      database_durability_changed_timestamp_seconds: 1000,
      'database_transactions_total{copies="one"}': 6,
      'database_transactions_total{copies="two"}': 7,
    }
    for (const [series, value] of Object.entries(expected)) {
      expect({ [series]: await seriesValue(series) }).toEqual({ [series]: value })
    }
    // Reading a counter does not add to it.
    expect(await seriesValue('database_reader_fallbacks_total')).toBe(5)
  })

  it('include those of the resources and of the process', async () => {
    expect(await seriesValue('things')).toBe(9)
    expect(await seriesValue('nodejs_eventloop_lag_p99_seconds')).toEqual(expect.any(Number))
    expect(await seriesValue('process_resident_memory_bytes')).toBeGreaterThan(1e6)
  })

  it('are served on a port of their own, which serves nothing else', async () => {
    const server = createMetricsServer(metrics).listen(0)
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const response = await fetch(`${url}/metrics`)
      expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
      expect(await response.text()).toContain('# TYPE http_request_duration_seconds histogram')
      expect((await fetch(`${url}/things`)).status).toBe(404)
      expect((await request(app).get('/metrics')).status).toBe(404)
    } finally {
      server.close()
    }
  })
})
