import { DatabaseError, DatabaseOverloaded, DatabaseUnavailable, WriteOutcomeUnknown } from '@repo/db'
import express from 'express'
import request from 'supertest'
import { describe, expect, it } from 'vitest'
import { errorHandler, HttpError, notFound, type Problem, toProblem } from '../../src/http/problem.ts'
import { send } from '../../src/http/send.ts'

const statusError = (status: number, more: object = {}) =>
  Object.assign(new Error('from a middleware'), { status, ...more })

describe('toProblem', () => {
  const problem = (error: unknown): Partial<Problem> => toProblem(error)

  it('shows the message of an HttpError, of any status', () => {
    expect(problem(new HttpError(405, 'No.', { Allow: 'GET' }))).toEqual({
      status: 405,
      detail: 'No.',
      headers: { Allow: 'GET' },
    })
    expect(problem(new HttpError(503, 'Busy.'))).toMatchObject({ status: 503, detail: 'Busy.' })
  })

  it('is a 503 with Retry-After for an unavailable database', () => {
    expect(problem(new DatabaseUnavailable('writer: 10.0.0.1 refused'))).toEqual({
      status: 503,
      detail: 'The database is unavailable. Please try again.',
      headers: { 'Retry-After': '1' },
    })
  })

  it('is a 503 with Retry-After for an overloaded database', () => {
    expect(problem(new DatabaseOverloaded('4000 saves are waiting'))).toEqual({
      status: 503,
      detail: 'The database is overloaded. Please try again.',
      headers: { 'Retry-After': '1' },
    })
  })

  it('is a 503 of its own type without Retry-After for a write whose outcome is not known', () => {
    expect(problem(new WriteOutcomeUnknown('writer: 10.0.0.1 lost'))).toEqual({
      type: '/openapi.json#/components/schemas/OutcomeUnknown',
      title: 'Outcome Unknown',
      status: 503,
      detail: 'It is not known whether the write was carried out. Please check before you send it again.',
      headers: {},
    })
  })

  it.each([
    [1451, 409, 'Other entries refer to this one.'],
    [1217, 409, 'Other entries refer to this one.'],
    [1452, 422, 'A field refers to an entry that does not exist.'],
    [1216, 422, 'A field refers to an entry that does not exist.'],
  ])('of a foreign key, error %d of the server, is a %d', (errno, status, detail) => {
    expect(problem(new DatabaseError('refused', { errno }))).toEqual({ status, detail, headers: {} })
  })

  it('is a 400 for a path that cannot be decoded', () => {
    expect(problem(new URIError('URI malformed'))).toMatchObject({ status: 400, detail: 'The path cannot be decoded.' })
  })

  it.each([400, 413, 415, 422, 429])('honours the status %d of a middleware, with its message', (status) => {
    expect(problem(statusError(status))).toMatchObject({ status, detail: 'from a middleware' })
  })

  it('does not show a message that is not exposed', () => {
    expect(problem(statusError(403, { expose: false }))).toMatchObject({ status: 403, detail: undefined })
  })

  it.each([undefined, null, 'text', 42, {}, new TypeError('x'), statusError(500), statusError(503, { expose: true })])(
    'is a 500 without details for %o',
    (error) => {
      expect(problem(error)).toEqual({ status: 500, detail: 'An internal error occurred.', headers: {} })
    },
  )

  it.each([299, 399, 499, 600, Number.NaN])('is a 500 for an error with the impossible status %d', (status) => {
    expect(problem(statusError(status))).toMatchObject({ status: 500 })
  })
})

describe('errorHandler', () => {
  const app = express()
  app.use((req, _res, next) => {
    req.id = 'r-1'
    next()
  })
  app.post('/json', express.json({ limit: 100 }), (req, res) => send(res, 200, 'text/plain', String(req.body.text)))
  app.get('/status/:status', ({ params: { status } }) => {
    throw statusError(Number(status))
  })
  app.get('/items/:id', (_req, res) => send(res, 200, 'text/plain', 'item'))
  app.use(notFound)
  app.use(errorHandler)

  it('answers with an RFC 9457 problem', async () => {
    const response = await request(app).get('/nowhere')
    expect(response.headers).toMatchObject({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
    expect(response.body).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'No resource at /nowhere.',
      requestId: 'r-1',
    })
  })

  it.each([
    [401, 'Unauthorized'],
    [409, 'Conflict'],
    [412, 'Precondition Failed'],
    [428, 'Precondition Required'],
  ])('titles %d with %s', async (status, title) => {
    expect((await request(app).get(`/status/${status}`)).body).toMatchObject({ status, title })
  })

  it('fails with 400 for malformed JSON', async () => {
    const response = await request(app).post('/json').type('application/json').send('{"text":')
    expect(response.status).toBe(400)
    expect(response.body).toMatchObject({ title: 'Bad Request', detail: expect.stringContaining('JSON') })
  })

  it('fails with 413 for a body that is too large', async () => {
    const response = await request(app)
      .post('/json')
      .send({ text: 'x'.repeat(200) })
    expect(response.status).toBe(413)
    expect(response.body).toMatchObject({ title: 'Payload Too Large', detail: 'The body must have at most 100 bytes.' })
  })

  it('fails with 415 for an unsupported charset', async () => {
    const response = await request(app).post('/json').set('Content-Type', 'application/json; charset=x').send('{}')
    expect(response.status).toBe(415)
    expect(response.body).toMatchObject({ title: 'Unsupported Media Type', detail: 'The charset must be UTF-8.' })
  })

  it('fails with 415 for an unsupported encoding', async () => {
    const response = await request(app).post('/json').set('Content-Encoding', 'compress').send({})
    expect(response.status).toBe(415)
    expect(response.body).toMatchObject({ detail: 'The Content-Encoding must be gzip, deflate, br or identity.' })
  })

  it('fails with 400 for a path that cannot be decoded', async () => {
    expect((await request(app).get('/items/%ff')).status).toBe(400)
  })
})
