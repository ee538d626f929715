import { once } from 'node:events'
import { get, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DatabaseError, DatabaseUnavailable } from '@repo/db'
import request from 'supertest'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Exchange } from '../../src/http/endpoint.ts'
import { HttpError } from '../../src/http/problem.ts'
import { send, stream } from '../../src/http/send.ts'
import { collectLines, createTestApp } from '../test-app.ts'

let handle: (exchange: Exchange<unknown>) => void | Promise<void>
let log: ReturnType<typeof collectLines>
let app: ReturnType<typeof createTestApp>
let server: Server | undefined

beforeEach(() => {
  handle = ({ res }) => send(res, 200, 'text/plain', 'done')
  log = collectLines()
  app = createTestApp((exchange) => handle(exchange), { logger: log.logger })
})

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

/** Starts the application and a request; gives the request. */
async function open(path: string) {
  server = app.listen(0)
  await once(server, 'listening')
  return get({ port: (server.address() as AddressInfo).port, path })
}

const lineLogged = () => vi.waitFor(() => expect(log.lines).toHaveLength(1), 300_000)

describe('X-Request-Id', () => {
  it('keeps a valid one, in the response and in the log', async () => {
    const response = await request(app).get('/nope').set('X-Request-Id', 'abc-1.2_3')
    expect(response.headers['x-request-id']).toBe('abc-1.2_3')
    expect(response.body.requestId).toBe('abc-1.2_3')
    expect(log.lines[0]).toMatchObject({ id: 'abc-1.2_3', method: 'GET', path: '/nope', status: 404 })
  })

  it.each(['', 'a b', 'a"b', 'x'.repeat(65), '<script>', 'ä'])('replaces %j', async (hostile) => {
    const response = await request(app).get('/nope').set('X-Request-Id', hostile)
    expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('the request log', () => {
  it('has one line per request, with its duration and bytes', async () => {
    await request(app).get('/things?limit=5')
    expect(log.lines).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        service: 'app',
        id: expect.any(String),
        method: 'GET',
        path: '/things?limit=5',
        status: 200,
        durationMs: expect.any(Number),
        bytes: 4,
        msg: 'request completed',
      },
    ])
    expect(log.lines[0]?.durationMs).toBeGreaterThan(0)
  })

  it.each(['/healthz', '/readyz'])('has no line for %s while it succeeds', async (path) => {
    await request(app).get(path)
    expect(log.lines).toEqual([])
  })

  it('has no error for an invalid request', async () => {
    await request(app).get('/things?limit=x')
    expect(log.lines).toEqual([expect.objectContaining({ level: 'info', status: 400, msg: 'request completed' })])
    expect(log.lines[0]).not.toHaveProperty('err')
  })

  it('has one line for a failed request, with its error', async () => {
    handle = () => {
      throw new TypeError('x is not a function', { cause: new RangeError('deeper') })
    }
    const response = await request(app).get('/things')
    expect(response.body).toMatchObject({ status: 500, detail: 'An internal error occurred.' })
    expect(log.lines).toEqual([
      expect.objectContaining({
        level: 'error',
        id: response.body.requestId,
        status: 500,
        msg: 'request completed',
        err: expect.objectContaining({
          type: 'TypeError',
          message: 'x is not a function',
          stack: expect.stringContaining('request-log.test.ts'),
          cause: expect.objectContaining({ type: 'RangeError', message: 'deeper' }),
        }),
      }),
    ])
  })

  it('has one line while the database is unavailable', async () => {
    handle = () => Promise.reject(new DatabaseUnavailable('writer: connect timeout exceeded'))
    expect((await request(app).get('/things')).headers['retry-after']).toBe('1')
    expect(log.lines).toEqual([
      expect.objectContaining({
        level: 'error',
        status: 503,
        err: expect.objectContaining({ type: 'DatabaseUnavailable' }),
      }),
    ])
  })

  it('has no error for a request that the application refused', async () => {
    handle = () => {
      throw new HttpError(503, 'Not now.')
    }
    await request(app).get('/things')
    expect(log.lines).toEqual([expect.objectContaining({ level: 'error', status: 503 })])
    expect(log.lines[0]).not.toHaveProperty('err')
  })

  it('reports a client that disconnects before the response as info', async () => {
    const arrived = Promise.withResolvers<Exchange<unknown>>()
    handle = (exchange) => arrived.resolve(exchange)
    const client = await open('/things')
    client.on('error', () => {})
    const { res } = await arrived.promise
    client.destroy()
    await once(res, 'close')
    expect(log.lines).toEqual([expect.objectContaining({ level: 'info', msg: 'request aborted' })])
  })

  it('reports a client that disconnects in the middle of a list as info', async () => {
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) yield Buffer.alloc(65_536)
    }
    handle = ({ res }) => stream(res, 'text/plain', endless())
    const [response] = await once(await open('/things'), 'response')
    await once(response, 'readable')
    response.destroy()
    await lineLogged()
    expect(log.lines[0]).toMatchObject({ level: 'info', status: 200, msg: 'request aborted' })
    expect(log.lines[0]).not.toHaveProperty('err')
  })

  it('reports a list that fails in its middle as an error, once', async () => {
    const received = Promise.withResolvers<void>()
    async function* failing(): AsyncGenerator<Buffer> {
      yield Buffer.from('first')
      await received.promise
      throw new DatabaseUnavailable('reader: connection lost')
    }
    handle = ({ res }) => stream(res, 'text/plain', failing())
    const [response] = await once(await open('/things'), 'response')
    response.on('error', () => {}).resume()
    received.resolve()
    await lineLogged()
    expect(log.lines[0]).toMatchObject({
      level: 'error',
      status: 200,
      bytes: 5,
      msg: 'request aborted',
      err: { type: 'DatabaseUnavailable' },
    })
  })
})

describe('the bytes of a failed request in the log', () => {
  const secret = 'a value of a statement'
  /** As mysql2 builds it: the statement with all its values is an own property. */
  const driverError = () =>
    Object.assign(new Error(`Duplicate entry '${secret}' for key 'PRIMARY'`), {
      code: 'ER_DUP_ENTRY',
      errno: 1062,
      sqlState: '23000',
      sqlMessage: `Duplicate entry '${secret}' for key 'PRIMARY'`,
      sql: `INSERT INTO things (text) VALUES ${Array.from({ length: 1000 }, () => `('${secret}')`).join()}`,
    })

  it.each([
    ['an error of the driver', driverError()],
    ['one in the cause of another', new DatabaseUnavailable('not sent', { cause: driverError() })],
    [
      'one deep in the causes',
      new Error('a', { cause: new Error('b', { cause: new Error('c', { cause: driverError() }) }) }),
    ],
    ["this project's error", new DatabaseError('ER_DUP_ENTRY (1062, SQLSTATE 23000)', driverError())],
  ])('have no statement and no value for %s', async (_what, error) => {
    handle = () => Promise.reject(error)
    const response = await request(app).get('/things')
    expect(response.status).toBeGreaterThanOrEqual(500)
    expect(response.text).not.toMatch(/INSERT|a value of/)
    expect(log.text()).not.toMatch(/INSERT|a value of/)
    expect(log.text()).toContain('ER_DUP_ENTRY')
    expect(log.text().length).toBeLessThan(10_000)
  })
})
