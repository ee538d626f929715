import { createServer, type Server } from 'node:http'
import type { DatabaseClient } from '@repo/db'
import type { RequestHandler } from 'express'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { RunningResource } from '../resources/resource.ts'

/** What this process measures. */
export interface Metrics {
  /** Measures every request; comes before all other handlers. */
  readonly observe: RequestHandler
  /** All metrics in Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
}

/**
 * Measures the process, its requests, its database client and its resources from now on. Events are counted when they
 * happen; states (queues, pools, lag) are read only when the metrics are.
 */
export function createMetrics(client: DatabaseClient, resources: readonly RunningResource[]): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  registerDatabaseMetrics(client, registry)
  for (const resource of resources) resource.registerMetrics?.(registry)
  return { observe: requestObserver(registry), text: () => registry.metrics(), contentType: registry.contentType }
}

/** A server on a port of its own, which no balancer uses. It does not keep the process running. */
export function createMetricsServer(metrics: Metrics): Server {
  return createServer(async (req, res) => {
    if (req.url !== '/metrics') return void res.writeHead(404).end()
    const text = await metrics.text()
    res.writeHead(200, { 'Content-Type': metrics.contentType }).end(text)
  }).unref()
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])

function requestObserver(registry: Registry): RequestHandler {
  const seconds = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'From the arrival of a request to the end of its response. Status "aborted": the connection was closed before.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  })
  const refused = new Counter({
    name: 'http_requests_refused_total',
    help: 'Requests refused by the limit of requests in flight (admission) or by a full queue (queue).',
    labelNames: ['by'],
    registers: [registry],
  })
  for (const by of ['admission', 'queue']) refused.inc({ by }, 0)

  return (req, res, next) => {
    const startedAt = performance.now()
    res.on('close', () => {
      // A route's pattern, never a path: clients must not be able to create labels.
      const route: string = req.route?.path ?? 'none'
      const method = methods.has(req.method) ? req.method : 'other'
      const status = res.writableFinished ? res.statusCode : 'aborted'
      seconds.observe({ method, route, status }, (performance.now() - startedAt) / 1000)
      if (res.locals.refusedBy) refused.inc({ by: res.locals.refusedBy })
    })
    next()
  }
}

const endpoints = ['writer', 'reader'] as const

function registerDatabaseMetrics(client: DatabaseClient, registry: Registry): void {
  const registers = [registry]
  new Gauge({
    name: 'database_connections',
    help: 'Open connections by endpoint and state.',
    labelNames: ['endpoint', 'state'],
    registers,
    collect() {
      const state = client.state()
      for (const endpoint of endpoints) {
        this.set({ endpoint, state: 'idle' }, state[endpoint].idle)
        this.set({ endpoint, state: 'busy' }, state[endpoint].busy)
      }
    },
  })
  new Gauge({
    name: 'database_connections_waiting',
    help: 'Statements that wait for a connection.',
    labelNames: ['endpoint'],
    registers,
    collect() {
      const state = client.state()
      for (const endpoint of endpoints) this.set({ endpoint }, state[endpoint].waiting)
    },
  })
  new Gauge({
    name: 'database_failing',
    help: '1 while the last attempt to connect failed.',
    labelNames: ['endpoint'],
    registers,
    collect() {
      const state = client.state()
      for (const endpoint of endpoints) this.set({ endpoint }, Number(state[endpoint].failing))
    },
  })
  new Counter({
    name: 'database_evictions_total',
    help: 'How often all connections were closed because the server had become read-only.',
    labelNames: ['endpoint'],
    registers,
    collect() {
      this.reset()
      const state = client.state()
      for (const endpoint of endpoints) this.inc({ endpoint }, state[endpoint].evictions)
    },
  })
  new Counter({
    name: 'database_reader_fallbacks_total',
    help: 'Reads that went to the writer because the reader was unavailable or its lag above the limit.',
    registers,
    collect() {
      this.reset()
      this.inc(client.state().fallbacks)
    },
  })
  new Gauge({
    name: 'database_reader_lag_seconds',
    help: 'Replica lag. Measured from the first read on.',
    registers,
    collect() {
      this.set(client.state().readerLagMs / 1000)
    },
  })
  new Gauge({
    name: 'database_acknowledged_on_one',
    help: '1 while an acknowledged write is on one machine only, although there is a reader. Measured while the database is in use.',
    registers,
    collect() {
      const { hasReader, durability } = client.state()
      this.set(Number(hasReader && durability?.copies === 'one'))
    },
  })
  new Gauge({
    name: 'database_durability_changed_timestamp_seconds',
    help: 'When this instance saw that writes are acknowledged on another number of machines than before.',
    registers,
    collect() {
      this.set((client.state().durability?.since.getTime() ?? 0) / 1000)
    },
  })
  new Counter({
    name: 'database_transactions_total',
    help: "Transactions by the number of machines they were acknowledged on: the writer's counters, one value for all instances.",
    labelNames: ['copies'],
    registers,
    collect() {
      this.reset()
      const { one = 0, two = 0 } = client.state().durability?.transactions ?? {}
      this.inc({ copies: 'one' }, one)
      this.inc({ copies: 'two' }, two)
    },
  })
}
