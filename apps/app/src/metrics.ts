import { createServer, type Server } from 'node:http'
import { batchChannel, type Database } from '@repo/db'
import type { RequestHandler } from 'express'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

declare global {
  namespace Express {
    interface Locals {
      /** Set on a request that was turned away: by the limit of requests under way, or by a full queue behind it. */
      refusedBy?: 'admission' | 'queue'
    }
  }
}

/** What this process measures. */
export interface Metrics {
  /** Sees every request; comes before all other handlers. */
  readonly observe: RequestHandler
  /** Everything as Prometheus reads it. */
  text(): Promise<string>
  readonly contentType: string
}

/**
 * Measures the process, its requests and its database from now on. What happens is counted when it happens; what is
 * (queues, pools, lag) is asked only when somebody reads it.
 */
export function createMetrics(database: Database): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  watchDatabase(database, registry)
  return { observe: requestObserver(registry), text: () => registry.metrics(), contentType: registry.contentType }
}

/** A server of its own port, which no balancer leads to. It alone keeps no process running. */
export function createMetricsServer(metrics: Metrics): Server {
  return createServer(async (req, res) => {
    if (req.url !== '/metrics') return void res.writeHead(404).end()
    const text = await metrics.text()
    res.writeHead(200, { 'Content-Type': metrics.contentType }).end(text)
  }).unref()
}

const methods = new Set(['GET', 'HEAD', 'POST'])

function requestObserver(registry: Registry): RequestHandler {
  const seconds = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'From the arrival of a request to the end of its answer. Status "cut": the connection ended first.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  })
  const refused = new Counter({
    name: 'http_requests_refused_total',
    help: 'Requests turned away: by the limit of requests under way, or by a full queue.',
    labelNames: ['by'],
    registers: [registry],
  })
  for (const by of ['admission', 'queue']) refused.inc({ by }, 0)

  return (req, res, next) => {
    const startedAt = performance.now()
    res.on('close', () => {
      // A route's pattern, never a path: whatever clients send, the labels stay few.
      const route: string = req.route?.path ?? 'none'
      const method = methods.has(req.method) ? req.method : 'other'
      const status = res.writableFinished ? res.statusCode : 'cut'
      seconds.observe({ method, route, status }, (performance.now() - startedAt) / 1000)
      if (res.locals.refusedBy) refused.inc({ by: res.locals.refusedBy })
    })
    next()
  }
}

const endpoints = ['writer', 'reader'] as const

function watchDatabase(database: Database, registry: Registry): void {
  const registers = [registry]
  const batchSize = new Histogram({
    name: 'save_batch_size',
    help: 'Times stored by one INSERT.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    registers,
  })
  batchChannel.start.subscribe((message) => batchSize.observe((message as { times: unknown[] }).times.length))
  new Gauge({
    name: 'save_queue_waiting',
    help: 'Times that wait for an INSERT.',
    registers,
    collect() {
      this.set(database.state().savesWaiting)
    },
  })
  new Gauge({
    name: 'database_connections',
    help: 'Open connections by endpoint and what they do.',
    labelNames: ['endpoint', 'state'],
    registers,
    collect() {
      const state = database.state()
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
      const state = database.state()
      for (const endpoint of endpoints) this.set({ endpoint }, state[endpoint].waiting)
    },
  })
  new Gauge({
    name: 'database_failing',
    help: '1 from an attempt to connect that failed to one that did not.',
    labelNames: ['endpoint'],
    registers,
    collect() {
      const state = database.state()
      for (const endpoint of endpoints) this.set({ endpoint }, Number(state[endpoint].failing))
    },
  })
  new Counter({
    name: 'database_evictions_total',
    help: 'How often all connections were dropped because the server had become read-only.',
    labelNames: ['endpoint'],
    registers,
    collect() {
      this.reset()
      const state = database.state()
      for (const endpoint of endpoints) this.inc({ endpoint }, state[endpoint].evictions)
    },
  })
  new Counter({
    name: 'database_reader_fallbacks_total',
    help: 'Pages read from the writer because the reader was away or too far behind.',
    registers,
    collect() {
      this.reset()
      this.inc(database.state().fallbacks)
    },
  })
  new Gauge({
    name: 'database_reader_lag_seconds',
    help: 'For how long the reader has lacked a row that the writer has. Measured from the first read on.',
    registers,
    collect() {
      this.set((database.state().readerLagMs ?? 0) / 1000)
    },
  })
}
