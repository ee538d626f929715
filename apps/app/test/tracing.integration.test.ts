import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { startMigrated } from '@repo/db/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type MainProcess, type Migrated, settingsFor, startMain } from './start-main.ts'

let mysql: Migrated
const started: MainProcess[] = []

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly attributes: readonly { key: string; value: { stringValue?: string; intValue?: number } }[]
  readonly links?: readonly { traceId: string; spanId: string }[]
  readonly status: { code: number }
}
const spans: Span[] = []
let resource: { attributes: { key: string; value: { stringValue: string } }[] }

/** As much of a collector as there is to see: it takes OTLP over HTTP, as JSON. */
const collector = createServer(async (req, res) => {
  if (req.url !== '/v1/traces') return void res.writeHead(404).end()
  const { resourceSpans } = (await json(req)) as {
    resourceSpans: { resource: typeof resource; scopeSpans: { spans: Span[] }[] }[]
  }
  for (const each of resourceSpans) {
    resource = each.resource
    for (const scope of each.scopeSpans) spans.push(...scope.spans)
  }
  res.setHeader('Content-Type', 'application/json').end('{}')
})

beforeAll(async () => {
  mysql = (await startMigrated()).mysql
  collector.listen(0)
})

afterEach(() => {
  for (const { child } of started.splice(0)) child.kill('SIGKILL')
  spans.length = 0
})

afterAll(async () => {
  collector.close()
  await mysql?.[Symbol.asyncDispose]()
})

/**
 * Tells on standard error of each module of OpenTelemetry that is loaded, by import or require: but not of its API
 * alone, an empty shell that prom-client brings.
 */
const watcher = `data:text/javascript,${encodeURIComponent(`import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    if (/@opentelemetry.(?!api)/.test(url)) console.error('loads ' + url)
    return next(url, context)
  },
})`)}`

async function listening(overrides: Record<string, string> = {}) {
  const settings = { ...(await settingsFor(mysql)), DRAIN_DELAY_MS: '0', ...overrides }
  const main = startMain(settings, ['--import', watcher])
  started.push(main)
  const { child, lines, exitCode, complaint } = main
  /** Ends it in order: what it holds back, spans and lines, goes out. Gives its standard error. */
  const end = async () => {
    child.kill('SIGTERM')
    expect(await exitCode).toBe(0)
    return complaint
  }
  return { url: `http://127.0.0.1:${await main.port}`, lines, end }
}

const endpoint = () => `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
const attribute = (span: Span | undefined, key: string) => {
  const value = span?.attributes.find((each) => each.key === key)?.value
  return value?.stringValue ?? value?.intValue
}

describe('without OTEL_EXPORTER_OTLP_ENDPOINT', () => {
  it('nothing of OpenTelemetry is loaded', async () => {
    const app = await listening()
    expect((await fetch(`${app.url}/write`)).status).toBe(200)
    expect(await app.end()).toBe('')
    expect(app.lines.find(({ path }) => path === '/write')).not.toHaveProperty('traceId')
  })
})

describe('with OTEL_EXPORTER_OTLP_ENDPOINT', () => {
  it("follows a read from its caller's trace into its statement, and into the log", async () => {
    const app = await listening({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint() })
    const [traceId, caller] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']
    const headers = { traceparent: `00-${traceId}-${caller}-01`, 'X-Request-Id': 'r-1' }
    expect((await fetch(`${app.url}/read`, { headers })).status).toBe(200)
    expect(await app.end()).toContain('loads ')

    expect(resource.attributes).toContainEqual({ key: 'service.name', value: { stringValue: 'app' } })
    const request = spans.find(({ name }) => name === 'GET /read')
    expect(request).toMatchObject({ traceId, parentSpanId: caller })
    expect(attribute(request, 'http.response.status_code')).toBe(200)
    expect(attribute(request, 'request.id')).toBe('r-1')
    const statement = spans.find((span) => /FROM `testtable`.* ORDER BY/.test(String(attribute(span, 'db.query.text'))))
    expect(statement).toMatchObject({ name: 'SELECT', traceId, parentSpanId: request?.spanId })
    expect(app.lines.find(({ id }) => id === 'r-1')).toMatchObject({ traceId })
  })

  it('links saves with the one batch that stored them', async () => {
    const app = await listening({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint() })
    await Promise.all(Array.from({ length: 8 }, () => fetch(`${app.url}/write`)))
    await app.end()

    const saves = spans.filter(({ name }) => name === 'save')
    expect(saves).toHaveLength(8)
    expect(new Set(saves.map(({ traceId }) => traceId)).size).toBe(8)
    const batches = spans.filter(({ name }) => name === 'batch')
    const linked = batches.flatMap(({ links = [] }) => links.map(({ spanId }) => spanId))
    expect(linked.toSorted()).toEqual(saves.map(({ spanId }) => spanId).toSorted())
    for (const save of saves) {
      const batch = batches.find(({ spanId }) => spanId === save.links?.[0]?.spanId)
      expect(spans.filter(({ name }) => name === 'INSERT').map(({ parentSpanId }) => parentSpanId)).toContain(
        batch?.spanId,
      )
      expect(spans.find(({ spanId }) => spanId === save.parentSpanId)?.name).toBe('GET /write')
    }
  })

  it('marks a request that failed, and what it failed at', async () => {
    const app = await listening({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint(), DB_NAME: 'elsewhere' })
    expect((await fetch(`${app.url}/write`)).status).toBe(503)
    await app.end()
    const failures = spans.filter(({ status }) => status.code === 2).map(({ name }) => name)
    expect(failures).toEqual(expect.arrayContaining(['GET /write', 'save', 'batch']))
  })

  it('answers as ever while the collector is away', async () => {
    const app = await listening({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' })
    expect((await fetch(`${app.url}/write`)).status).toBe(200)
    await app.end()
    expect(app.lines.find(({ msg }) => msg === 'traces are lost')).toMatchObject({ level: 'warn' })
  })
})
