import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { type Database, openDatabase } from '@repo/db'
import { startMigrated } from '@repo/db/testing'
import { Validator } from '@seriousme/openapi-schema-validator'
import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { pino } from 'pino'
import request from 'supertest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApp } from '../src/app.ts'

const document = JSON.parse(readFileSync(new URL('../src/openapi.json', import.meta.url), 'utf8'))
const methods = ['get', 'post', 'put', 'patch', 'delete'] as const
type Method = (typeof methods)[number]

let mysql: Awaited<ReturnType<typeof startMigrated>>['mysql']
let database: Database
let draining = false
/** As usual, and one that takes on nothing. */
let apps: Record<'usual' | 'busy', ReturnType<typeof createApp>>
/** What has been shown to happen: `METHOD PATH STATUS TYPE`. */
const shown = new Set<string>()

beforeAll(async () => {
  const started = await startMigrated()
  mysql = started.mysql
  database = openDatabase(started.options)
  const create = (inFlightLimit: number) =>
    createApp({
      database,
      logger: pino({ level: 'silent' }),
      isDraining: () => draining,
      admission: { inFlightLimit, eventLoopDelayLimitMs: 10_000 },
      instance: 'this-one',
    })
  apps = { usual: create(100), busy: create(0) }
  await mysql.sql("INSERT INTO testtable (dt) VALUES ('2026-01-01'), ('2026-01-02'), ('2026-01-03')")
})

afterAll(async () => {
  await database?.close()
  await mysql?.[Symbol.asyncDispose]()
})

const ajv = addFormats.default(new Ajv2020.default({ strict: false, allErrors: true }))
ajv.addSchema(document, 'contract')

interface DocumentedHeader {
  readonly required?: boolean
  readonly schema: unknown
}

interface DocumentedResponse {
  readonly headers?: Record<string, DocumentedHeader | { $ref: string }>
  readonly content?: Record<string, { schema: unknown }>
}

/** What a `$ref` within the document means, or the thing itself. */
function resolved<T>(thing: T | { $ref: string }): T {
  const { $ref } = thing as { $ref?: string }
  if ($ref === undefined) return thing as T
  return $ref
    .split('/')
    .slice(1)
    .reduce((at, name) => at[name], document)
}

/** Holds a value to a schema of the document. */
function expectValid(schema: unknown, value: unknown, what: string): void {
  // References lead into the document from wherever they stand.
  const located = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"contract#/'))
  const validate = ajv.compile(located)
  expect(validate(value), `${what}: ${ajv.errorsText(validate.errors)}`).toBe(true)
}

async function ask(method: Method | 'head', path: string, headers: Record<string, string> = {}, app = apps.usual) {
  return request(app)
    [method](path)
    .set(headers)
    .buffer(true)
    .parse((response, done) => void text(response as unknown as NodeJS.ReadableStream).then((body) => done(null, body)))
}

type Answer = Awaited<ReturnType<typeof ask>>

/** Holds an answer to a response of the document. */
function expectDocumented(answer: Answer, response: DocumentedResponse, what: string): void {
  const type = String(answer.headers['content-type'])
  const { schema } = response.content?.[type] ?? {}
  expect(schema, `${what}: ${type} is documented`).toBeDefined()
  expectValid(schema, /[/+]json$/.test(type) ? JSON.parse(answer.body) : answer.body, what)
  for (const [name, ref] of Object.entries(response.headers ?? {})) {
    const header = resolved<DocumentedHeader>(ref)
    const value = answer.headers[name.toLowerCase()]
    if (header.required || value !== undefined) expectValid(header.schema, value, `${what}: ${name}`)
  }
}

/** Asks, and holds the answer to what the document says of it. */
async function expectAnswer(
  status: number,
  method: Method,
  path: string,
  headers: Record<string, string> = {},
  app = apps.usual,
): Promise<Answer> {
  const answer = await ask(method, path, headers, app)
  expect(answer.status, `${method} ${path}`).toBe(status)
  const [plain = path] = path.split('?')
  const documented = document.paths[plain][method].responses[status]
  expect(documented, `${method} ${plain}: ${status} is documented`).toBeDefined()
  expectDocumented(answer, resolved<DocumentedResponse>(documented), `${method} ${path} ${status}`)
  shown.add(`${method} ${plain} ${status} ${answer.headers['content-type']}`)
  return answer
}

describe('the document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator()
    expect(await validator.validate(structuredClone(document))).toEqual({ valid: true })
    expect(validator.version).toBe('3.1')
  })

  it('is what is served', async () => {
    expect(JSON.parse((await expectAnswer(200, 'get', '/openapi.json')).body)).toEqual(document)
  })
})

describe('what the document says', () => {
  const lists = ['/', '/read']
  const inFull = [...lists, '/write', '/stats?per=minute', '/status', '/openapi.json']

  it.each(lists)('is so for the lists at %s', async (path) => {
    expect(JSON.parse((await expectAnswer(200, 'get', path)).body)).toHaveLength(3)
    await expectAnswer(200, 'get', path, { Accept: 'application/x-ndjson' })
    for (const order of ['oldest', 'newest']) {
      const answer = await expectAnswer(200, 'get', `${path}?limit=2&order=${order}`)
      const next = /<(.*)>/.exec(answer.headers.link ?? '')?.[1]
      expect((await expectAnswer(200, 'get', String(next))).headers.link).toBeUndefined()
    }
    for (const bad of ['limit=0', 'limit=1&order=first', 'order=newest', 'limit=1&after=x', 'x=1']) {
      await expectAnswer(400, 'get', `${path}?${bad}`)
    }
  })

  it('is so for saving', async () => {
    await expectAnswer(200, 'get', '/write')
    await expectAnswer(201, 'post', '/write')
    for (const method of ['get', 'post'] as const) await expectAnswer(400, method, '/write?x=1')
  })

  it('is so for counting', async () => {
    for (const query of ['per=minute', 'per=hour', 'per=day&from=2026-01-01T00:00:00Z&to=2026-01-04T00:00:00Z']) {
      await expectAnswer(200, 'get', `/stats?${query}`)
    }
    await expectAnswer(400, 'get', '/stats')
  })

  it('is so for status, health and readiness', async () => {
    for (const path of ['/status', '/healthz', '/readyz']) await expectAnswer(200, 'get', path)
    await expectAnswer(400, 'get', '/status?x=1')
    draining = true
    try {
      for (const path of ['/healthz', '/readyz']) await expectAnswer(503, 'get', path)
    } finally {
      draining = false
    }
  })

  it('is so while the service is busy', async () => {
    for (const path of inFull) await expectAnswer(503, 'get', path, {}, apps.busy)
    await expectAnswer(503, 'post', '/write', {}, apps.busy)
  })

  it('is so while the database is away', async () => {
    await mysql.freeze()
    try {
      const startedAt = performance.now()
      const away = [...lists, '/write', '/stats?per=day', '/readyz'].map((path) => expectAnswer(503, 'get', path))
      const status = expectAnswer(200, 'get', '/status')
      await Promise.all([...away, expectAnswer(503, 'post', '/write')])
      expect(performance.now() - startedAt).toBeLessThan(3000)
      expect(JSON.parse((await status).body)).toMatchObject({ writer: 'failed', reader: 'failed', newest: null })
    } finally {
      await mysql.thaw()
    }
  })

  it('is so for methods that a path does not have, and paths that there are not', async () => {
    const { NotFound, MethodNotAllowed } = document.components.responses
    for (const [path, operations] of Object.entries<object>(document.paths)) {
      const allowed = methods.filter((method) => method in operations)
      for (const method of methods.filter((candidate) => !allowed.includes(candidate))) {
        const answer = await ask(method, path)
        expect(answer.status, `${method} ${path}`).toBe(405)
        expectDocumented(answer, MethodNotAllowed, `${method} ${path}`)
        // HEAD is where GET is, but for what GET stores.
        const also = path === '/write' ? [] : ['HEAD']
        expect(answer.headers.allow).toBe([...allowed.map((name) => name.toUpperCase()), ...also].join(', '))
      }
    }
    const nowhere = await ask('get', '/nope')
    expect(nowhere.status).toBe(404)
    expectDocumented(nowhere, NotFound, 'get /nope')
  })

  it('has all been shown', () => {
    const documented = Object.entries<Record<string, { responses: Record<string, DocumentedResponse> }>>(
      document.paths,
    ).flatMap(([path, operations]) =>
      Object.entries(operations).flatMap(([method, { responses }]) =>
        Object.entries(responses).flatMap(([status, response]) =>
          Object.keys(resolved<DocumentedResponse>(response).content ?? {}).map(
            (type) => `${method} ${path} ${status} ${type}`,
          ),
        ),
      ),
    )
    // Of another tier: it has no app to ask.
    const elsewhere = 'get /healthz 503 application/problem+json'
    expect([...shown, elsewhere].sort()).toEqual([...documented].sort())
  })
})
