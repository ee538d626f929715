import { AsyncLocalStorage } from 'node:async_hooks'
import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import { hostname } from 'node:os'
import {
  DiagLogLevel,
  defaultTextMapGetter,
  diag,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { type Batch, batchChannel, type Database } from '@repo/db'
import type { RequestHandler } from 'express'
import type { Logger } from 'pino'

/** Spans of this process, on their way to a collector. */
export interface Tracing {
  /** Makes a span of every request; comes before all other handlers. */
  readonly observe: RequestHandler
  /** The same database, whose saves have spans. */
  watched(database: Database): Database
  /** Sends what has not been sent yet, as far as that is possible. */
  close(): Promise<void>
}

/** What the driver tells of a statement. */
interface Statement {
  readonly query: string
  readonly serverAddress: string
}

/**
 * Follows requests into the statements of the database, and sends their spans to `endpoint` by OTLP over HTTP.
 * This module is imported only where that is asked for: it brings all of OpenTelemetry with it.
 */
export function startTracing(endpoint: string, logger: Logger): Tracing {
  const complain = (reason: string) => logger.warn({ reason }, 'traces are lost')
  const silent = () => {}
  diag.setLogger({ error: complain, warn: complain, info: silent, debug: silent, verbose: silent }, DiagLogLevel.WARN)
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    // With its retries; a process that ends waits no longer for a collector that is away.
    timeoutMillis: 3000,
  })
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'app', 'service.instance.id': hostname() }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  })
  const tracer = provider.getTracer('three-tier')
  const propagator = new W3CTraceContextPropagator()
  const active = new AsyncLocalStorage<Span>()
  /** By the very objects that a batch is made of. */
  const saves = new WeakMap<Date, Span>()

  const below = (span: Span) => trace.setSpan(ROOT_CONTEXT, span)

  const observe: RequestHandler = (req, res, next) => {
    const caller = propagator.extract(ROOT_CONTEXT, req.headers, defaultTextMapGetter)
    const attributes = { 'http.request.method': req.method, 'url.path': req.path }
    const span = tracer.startSpan(req.method, { kind: SpanKind.SERVER, attributes }, caller)
    res.locals.traceId = span.spanContext().traceId
    res.on('close', () => {
      const route: string | undefined = req.route?.path
      if (route !== undefined) {
        span.updateName(`${req.method} ${route}`)
        span.setAttribute('http.route', route)
      }
      span.setAttributes({ 'http.response.status_code': res.statusCode, 'request.id': req.id })
      if (res.statusCode >= 500 || !res.writableFinished) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    })
    active.run(span, next)
  }

  async function save(database: Database, time: Date): Promise<void> {
    const request = active.getStore()
    const span = tracer.startSpan('save', {}, request ? below(request) : ROOT_CONTEXT)
    saves.set(time, span)
    try {
      await database.save(time)
    } catch (error) {
      failed(span, error)
      throw error
    } finally {
      span.end()
    }
  }

  // A batch belongs to no request more than to another: it is a trace of its own, linked with each save in it.
  const batches = batchChannel as TracingChannel<Batch, Span>
  follow(batches, ({ times }) => {
    const inBatch = times.flatMap((time) => saves.get(time) ?? [])
    const links: Link[] = inBatch.map((each) => ({ context: each.spanContext() }))
    const attributes = { 'batch.size': times.length }
    const span = tracer.startSpan('batch', { root: true, links, attributes }, ROOT_CONTEXT)
    for (const each of inBatch) each.addLink({ context: span.spanContext() })
    return span
  })

  // https://github.com/sidorares/node-mysql2/blob/master/typings/mysql/lib/Tracing.d.ts
  follow(tracingChannel<Statement, Span>('mysql2:query'), ({ query, serverAddress }) => {
    const parent = active.getStore()
    // What runs at intervals began in some request, but is not its work any more once that has ended.
    if (!parent?.isRecording()) return undefined
    const attributes = {
      'db.system.name': 'mysql',
      'db.query.text': query.slice(0, 256),
      'server.address': serverAddress,
    }
    const operation = /^\w+/.exec(query)?.[0] ?? 'statement'
    return tracer.startSpan(operation, { kind: SpanKind.CLIENT, attributes }, below(parent))
  })

  /** Makes a span of what a channel tells of, and the active one for what happens within. */
  function follow<Message extends object>(
    channel: TracingChannel<Message, Span>,
    start: (message: Message) => Span | undefined,
  ): void {
    const spans = new WeakMap<Message, Span>()
    channel.start.bindStore(active, (message) => {
      const span = start(message)
      if (span) spans.set(message, span)
      return span ?? (active.getStore() as Span)
    })
    channel.error.subscribe((message) => failed(spans.get(message as Message), (message as { error?: unknown }).error))
    channel.asyncEnd.subscribe((message) => spans.get(message as Message)?.end())
  }

  return {
    observe,
    watched: (database) => ({ ...database, save: (time) => save(database, time) }),
    close: () => provider.shutdown().catch((error: unknown) => complain(String(error))),
  }
}

function failed(span: Span | undefined, error: unknown): void {
  span?.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) })
}
