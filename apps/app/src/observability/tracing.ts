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
import type { RequestHandler } from 'express'
import type { Logger } from 'pino'
import { publicMessage } from './serialize-error.ts'

/** Gives each call of `work` a span, which is linked with the batch that its item becomes a part of. */
export type Instrument = <Item extends object, Result>(
  name: string,
  work: (item: Item) => Promise<Result>,
) => (item: Item) => Promise<Result>

/** The spans of this process, exported to a collector. */
export interface Tracing {
  /** Makes a span of every request; comes before all other handlers. */
  readonly observe: RequestHandler
  readonly instrument: Instrument
  /** Exports the remaining spans, as far as the collector accepts them. */
  close(): Promise<void>
}

/** The message of mysql2's channel. */
interface Statement {
  /** With its values. */
  readonly query: string
  readonly serverAddress: string
}

/** The message of the channel `app:batch`: one statement that serves several requests. */
interface Batch {
  /** The same objects that instrumented functions were called with. */
  readonly items: readonly object[]
}

/**
 * Traces requests down to their database statements, and exports the spans to `endpoint` by OTLP over HTTP.
 * Import this module only where tracing is configured: it loads all of OpenTelemetry.
 */
export function startTracing(endpoint: string, logger: Logger): Tracing {
  const warn = (reason: string) => logger.warn({ reason }, 'spans not exported')
  const ignore = () => {}
  diag.setLogger({ error: warn, warn, info: ignore, debug: ignore, verbose: ignore }, DiagLogLevel.WARN)
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    // With its retries. It bounds how long the process waits at its end for a collector that is unavailable.
    timeoutMillis: 3000,
  })
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'app', 'service.instance.id': hostname() }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  })
  const tracer = provider.getTracer('app')
  const propagator = new W3CTraceContextPropagator()
  const active = new AsyncLocalStorage<Span>()
  const spansOfItems = new WeakMap<object, Span>()

  const childOf = (span: Span) => trace.setSpan(ROOT_CONTEXT, span)

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

  const instrument: Instrument = (name, work) => async (item) => {
    const request = active.getStore()
    const span = tracer.startSpan(name, {}, request ? childOf(request) : ROOT_CONTEXT)
    spansOfItems.set(item, span)
    try {
      return await work(item)
    } catch (error) {
      setFailed(span, error)
      throw error
    } finally {
      span.end()
    }
  }

  // A batch belongs to no single request: it is a trace of its own, linked with the span of each item.
  follow(tracingChannel<Batch, Span>('app:batch'), ({ items }) => {
    const spans = items.flatMap((item) => spansOfItems.get(item) ?? [])
    const links: Link[] = spans.map((span) => ({ context: span.spanContext() }))
    const attributes = { 'batch.size': items.length }
    const batch = tracer.startSpan('batch', { root: true, links, attributes }, ROOT_CONTEXT)
    for (const span of spans) span.addLink({ context: batch.spanContext() })
    return batch
  })

  // https://github.com/sidorares/node-mysql2/blob/master/typings/mysql/lib/Tracing.d.ts
  follow(tracingChannel<Statement, Span>('mysql2:query'), ({ query, serverAddress }) => {
    const parent = active.getStore()
    // Work at intervals may have been started in a request, but is not a part of it once that has ended.
    if (!parent?.isRecording()) return undefined
    const { operation, table } = describeStatement(query)
    const attributes = {
      'db.system.name': 'mysql',
      'db.operation.name': operation,
      'db.collection.name': table,
      'server.address': serverAddress,
    }
    return tracer.startSpan(operation, { kind: SpanKind.CLIENT, attributes }, childOf(parent))
  })

  /** Makes a span of each message of a channel, and the active span for what happens during it. */
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
    channel.error.subscribe((message) => setFailed(spans.get(message as Message), Object(message).error))
    channel.asyncEnd.subscribe((message) => spans.get(message as Message)?.end())
  }

  return {
    observe,
    instrument,
    close: () => provider.shutdown().catch((error: unknown) => warn(String(error))),
  }
}

function setFailed(span: Span | undefined, error: unknown): void {
  span?.setStatus({ code: SpanStatusCode.ERROR, message: publicMessage(error) })
}

/** What a span may show of a statement with values in it. Strings are removed first, so that none is taken for a table. */
function describeStatement(statement: string): { operation: string; table: string | undefined } {
  const head = statement.slice(0, 4096).replaceAll(/'(?:[^'\\]|\\.|'')*(?:'|$)|"(?:[^"\\]|\\.|"")*(?:"|$)/gs, '?')
  // A transaction in one round trip is described by its first statement.
  const [, operation = 'statement'] = /^(?:START TRANSACTION; |SET @\w+ = \w+; )*(\w+)/.exec(head) ?? []
  const [, table] = /\b(?:FROM|INTO|UPDATE)\s+`?(\w+)/i.exec(head) ?? []
  return { operation, table }
}
