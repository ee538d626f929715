import type { Express } from 'express'
import request from 'supertest'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Endpoints, Exchange } from '../../src/http/endpoint.ts'
import { send } from '../../src/http/send.ts'
import { defineResource } from '../../src/resources/resource.ts'
import { createTestApp, running } from '../test-app.ts'

const keyed = { summary: 'Writes', keyed: true, responses: {} } as const

const endpoints = {
  write: { ...keyed, method: 'post', path: '/keyed' },
  writeByGet: { ...keyed, method: 'get', safe: false, path: '/keyed' },
  writeElsewhere: { ...keyed, method: 'post', path: '/keyed/elsewhere' },
  writeJson: { ...keyed, method: 'post', path: '/json', body: z.strictObject({ text: z.string() }) },
  writeOptional: { ...keyed, method: 'post', path: '/optional', body: z.strictObject({ text: z.string() }).partial() },
  writeUnkeyed: { ...keyed, method: 'post', path: '/unkeyed', keyed: false },
  changeUnkeyed: { ...keyed, method: 'patch', path: '/unkeyed', keyed: false },
  read: { ...keyed, method: 'get', path: '/unkeyed', keyed: false },
} satisfies Endpoints

/** Answers with the digests of the key, or null. */
const answer = ({ key, res }: Exchange<unknown>) => send(res, 200, 'application/json', JSON.stringify(key ?? null))

const keyedResource = running(
  defineResource({
    name: 'keyed',
    description: 'Answers with its key.',
    variables: {},
    endpoints,
    create: () => ({
      handlers: {
        write: answer,
        writeByGet: answer,
        writeElsewhere: answer,
        writeJson: answer,
        writeOptional: answer,
        writeUnkeyed: answer,
        changeUnkeyed: answer,
        read: answer,
      },
    }),
  }),
)

const app: Express = createTestApp(undefined, { resources: [keyedResource] })

const post = (path: string, key: string) => request(app).post(path).set('Idempotency-Key', key)
const keyOf = async (sent: request.Test) => (await sent).body as { id: string; fingerprint: string }

describe('the Idempotency-Key', () => {
  it.each(['x', 'a key', '"8e03978e-40d5-43dd-bc93-6894a57f9324"', '~!{}', 'x'.repeat(255)])(
    'can be %s',
    async (key) => {
      expect(await keyOf(post('/keyed', key))).toEqual({
        id: expect.stringMatching(/^[0-9a-f]{32}$/),
        fingerprint: expect.stringMatching(/^[0-9a-f]{32}$/),
      })
    },
  )

  it.each([
    ['is empty', ''],
    ['has 256 characters', 'x'.repeat(256)],
    ['is not ASCII', 'clé'],
    ['has a tab', 'a\tb'],
  ])('is refused with 400 when it %s', async (_what, key) => {
    const { status, body } = await post('/keyed', key)
    expect([status, body.detail]).toEqual([400, 'The Idempotency-Key must have 1 to 255 printable ASCII characters.'])
  })

  it('is unique for each sender', async () => {
    const identify = (req: { get(name: string): string | undefined }) => ({ subject: String(req.get('X-Subject')) })
    const identified = createTestApp(undefined, { resources: [keyedResource], identify })
    const idFor = async (subject: string) =>
      (await keyOf(request(identified).post('/keyed').set('Idempotency-Key', 'x').set('X-Subject', subject))).id
    const ids = [await idFor('a'), await idFor('b'), await idFor('a'), (await keyOf(post('/keyed', 'x'))).id]
    expect(ids[2]).toBe(ids[0])
    expect(new Set(ids).size).toBe(3)
  })

  it('is optional', async () => {
    expect((await request(app).post('/keyed')).body).toBeNull()
  })

  it('is refused with 400 by a write that does not accept one, and ignored by a read', async () => {
    const { status, body } = await post('/unkeyed', 'a')
    expect([status, body.detail]).toEqual([400, 'POST /unkeyed does not accept an Idempotency-Key.'])
    expect((await request(app).patch('/unkeyed').set('Idempotency-Key', 'a')).status).toBe(400)
    expect((await request(app).get('/unkeyed').set('Idempotency-Key', 'a')).status).toBe(200)
  })

  it('is unique in its method and path', async () => {
    const { id } = await keyOf(post('/keyed', 'a'))
    expect((await keyOf(post('/keyed', 'a'))).id).toBe(id)
    expect((await keyOf(post('/keyed', 'b'))).id).not.toBe(id)
    expect((await keyOf(post('/keyed/elsewhere', 'a'))).id).not.toBe(id)
    expect((await keyOf(request(app).get('/keyed').set('Idempotency-Key', 'a'))).id).not.toBe(id)
  })
})

describe('the fingerprint', () => {
  const prints = async (...sent: request.Test[]) => {
    const all = await Promise.all(sent.map(keyOf))
    return new Set(all.map(({ fingerprint }) => fingerprint)).size
  }

  it('is that of the query', async () => {
    expect(await prints(post('/keyed?a=1', 'a'), post('/keyed?a=1', 'a'))).toBe(1)
    expect(await prints(post('/keyed?a=1', 'a'), post('/keyed?a=2', 'a'), post('/keyed', 'a'))).toBe(3)
  })

  it('is that of the body, of any type', async () => {
    const text = (body: string) => post('/keyed', 'a').type('text/plain').send(body)
    expect(await prints(text('one'), text('one'))).toBe(1)
    expect(await prints(text('one'), text('two'), post('/keyed', 'a'))).toBe(3)
    const json = (body: string) => post('/json', 'a').type('application/json').send(body)
    expect(await prints(json('{"text":"one"}'), json('{ "text": "one" }'))).toBe(1)
    expect(await prints(json('{"text":"one"}'), json('{"text":"two"}'))).toBe(2)
  })

  it('is the same for an empty body in any form', async () => {
    // With `Content-Length: 0`, with chunks, and with neither.
    const chunked = post('/keyed', 'a').set('Transfer-Encoding', 'chunked')
    const without = request(app).get('/keyed').set('Idempotency-Key', 'a')
    expect(await prints(post('/keyed', 'a'), chunked, without)).toBe(1)
    const json = () => post('/optional', 'a').type('application/json')
    expect(await prints(json(), json().set('Transfer-Encoding', 'chunked'))).toBe(1)
  })

  it('needs a body of at most 128 KB', async () => {
    expect((await post('/keyed', 'a').type('text/plain').send('x'.repeat(131_073))).status).toBe(413)
  })
})
