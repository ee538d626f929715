import { startMigrated } from '@repo/db/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Collector, startCollector } from '../../../test/collector.ts'
import { type MainProcess, settingsOf, startMain } from '../../../test/start-main.ts'

let server: Awaited<ReturnType<typeof startMigrated>>
let collector: Collector
const started: MainProcess[] = []

beforeAll(async () => {
  server = await startMigrated()
})

beforeEach(async () => {
  collector = await startCollector()
})

afterEach(() => {
  for (const { child } of started.splice(0)) child.kill('SIGKILL')
  collector.close()
})

afterAll(() => server?.mysql[Symbol.asyncDispose]())

async function listening(overrides: Record<string, string> = {}) {
  const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, DRAIN_DELAY_MS: '0' }
  const main = startMain({ ...(await settingsOf(server)), ...settings, ...overrides })
  started.push(main)
  /** Ends the process in order, so that its spans and log lines are written. */
  const end = async () => {
    main.child.kill('SIGTERM')
    expect(await main.exitCode).toBe(0)
  }
  return { url: `http://127.0.0.1:${await main.port}`, lines: main.lines, end }
}

const named = (name: string) => collector.spans.filter((span) => span.name === name)

describe('the traces of the times', () => {
  it("follow a read from its caller's trace into its statement, and into the log", async () => {
    const app = await listening()
    const [traceId, caller] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']
    const headers = { traceparent: `00-${traceId}-${caller}-01`, 'X-Request-Id': 'r-1' }
    expect((await fetch(`${app.url}/read`, { headers })).status).toBe(200)
    await app.end()

    expect(collector.resource()).toMatchObject({ 'service.name': 'app' })
    const [request] = named('GET /read')
    expect(request).toMatchObject({ traceId, parentSpanId: caller })
    expect(request?.attributes).toMatchObject({ 'http.response.status_code': 200, 'request.id': 'r-1' })
    const statements = named('SELECT').filter(({ attributes }) => attributes['db.collection.name'] === server.table)
    expect(statements).toEqual([expect.objectContaining({ traceId, parentSpanId: request?.spanId })])
    expect(app.lines.find(({ id }) => id === 'r-1')).toMatchObject({ traceId })
  })

  it('link saves with the one batch that stored them', async () => {
    const app = await listening()
    await Promise.all(Array.from({ length: 8 }, () => fetch(`${app.url}/write`)))
    await app.end()

    const saves = named('save')
    expect(saves).toHaveLength(8)
    expect(new Set(saves.map(({ traceId }) => traceId)).size).toBe(8)
    const batches = named('batch')
    expect(batches.flatMap(({ links }) => links).toSorted()).toEqual(saves.map(({ spanId }) => spanId).toSorted())
    const inserted = named('INSERT').map(({ parentSpanId }) => parentSpanId)
    for (const save of saves) {
      const batch = batches.find(({ spanId }) => spanId === save.links[0])
      expect(inserted).toContain(batch?.spanId)
      expect(collector.spans.find(({ spanId }) => spanId === save.parentSpanId)?.name).toBe('GET /write')
    }
    expect(collector.text()).not.toMatch(/VALUES/)
  })

  it('mark a failed request, and what it failed at', async () => {
    const app = await listening({ DB_NAME: 'elsewhere' })
    expect((await fetch(`${app.url}/write`)).status).toBe(503)
    await app.end()
    const failures = collector.spans.filter(({ status }) => status.code === 2).map(({ name }) => name)
    expect(failures).toEqual(expect.arrayContaining(['GET /write', 'save', 'batch']))
  })

  it('do not change a response while the collector is unavailable', async () => {
    const app = await listening({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' })
    expect((await fetch(`${app.url}/write`)).status).toBe(200)
    await app.end()
    expect(app.lines.find(({ msg }) => msg === 'spans not exported')).toMatchObject({ level: 'warn' })
  })
})
