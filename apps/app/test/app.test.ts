import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import type { Response } from 'express'
import request from 'supertest'
import { describe, expect, it } from 'vitest'
import { send } from '../src/http/send.ts'
import { client, createTestApp, running, thingsResource } from './test-app.ts'

describe('every response', () => {
  const app = createTestApp()

  it.each(['/things', '/things?x', '/nowhere', '/healthz', '/status'])(
    'to %s may not be used by other sites',
    async (path) => {
      expect((await request(app).get(path)).headers).toMatchObject({
        'content-security-policy': "default-src 'none';frame-ancestors 'none'",
        'cross-origin-resource-policy': 'same-origin',
      })
    },
  )

  it.each(['/things', '/nowhere'])('to %s does not name its software', async (path) => {
    expect((await request(app).get(path)).headers).not.toHaveProperty('x-powered-by')
  })
})

describe('Accept-Encoding', () => {
  let handled = 0
  const app = createTestApp(({ res }) => {
    handled += 1
    send(res, 200, 'text/plain', 'done')
  })
  const post = (accepted: string) => request(app).post('/things').set('Accept-Encoding', accepted)

  it.each(['*;q=0', 'identity;q=0', 'identity;q=0, br', 'gzip;q=0, *; q=0.0', 'identity;q=0, gzip;q=0, *'])(
    'fails with 406, and the handler is not called, for a client that accepts neither gzip nor no coding: %s',
    async (accepted) => {
      const before = handled
      const { status, type, headers } = await post(accepted)
      expect([status, type, headers['content-encoding']]).toEqual([406, 'application/problem+json', undefined])
      expect(handled).toBe(before)
    },
  )

  it.each(['identity;q=0, gzip', 'identity;q=0, *', '*;q=0, gzip;q=0.1', 'br, *, identity;q=0.0'])(
    'compresses every response for a client that refuses it as it is: %s',
    async (accepted) => {
      const { text, headers } = await post(accepted)
      expect(text).toBe('done')
      expect(headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' })
      const missing = await request(app).get('/nowhere').set('Accept-Encoding', accepted)
      expect([missing.body.status, missing.headers['content-encoding']]).toEqual([404, 'gzip'])
    },
  )

  it.each(['', '*', 'gzip', 'gzip;q=0', 'br, *;q=0.1', '*;q=0, identity', 'gzip;q=0, *;q=0, identity;q=0.1'])(
    'leaves it to Apache otherwise: %j',
    async (accepted) => {
      const { status, headers } = await post(accepted)
      expect([status, headers['content-encoding']]).toEqual([200, undefined])
    },
  )
})

describe('requests whose bodies arrive slowly', () => {
  it('take no places of requests without a body', async () => {
    const app = createTestApp(undefined, { admission: { inFlightLimit: 2, eventLoopDelayLimitMs: 10_000 } })
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const slow = ['Content-Length: 9', 'Transfer-Encoding: chunked'].map((framing) => {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
      socket.write(`POST /things HTTP/1.1\r\nHost: app\r\n${framing}\r\n\r\n`)
      return socket
    })
    try {
      await expect.poll(async () => (await request(server).post('/things').send('x')).status).toBe(503)
      expect((await request(server).post('/things')).status).toBe(200)
      expect((await request(server).get('/things')).status).toBe(200)
    } finally {
      for (const socket of slow) socket.destroy()
      server.close()
    }
  })
})

describe('requests with short responses', () => {
  it('take a place of the reads only if they have a body', async () => {
    const held: (() => void)[] = []
    const hold = ({ res }: { res: Response }) => void held.push(() => send(res, 200, 'text/plain', 'done'))
    const admission = { inFlightLimit: 1, eventLoopDelayLimitMs: 10_000 }
    const server = createTestApp(hold, { admission }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const read = request(server).get('/things').then()
    try {
      await expect.poll(() => held.length).toBe(1)
      for (const path of ['/status', '/openapi.json']) {
        expect((await request(server).get(path)).status).toBe(200)
        expect((await request(server).get(path).send('x')).status).toBe(503)
      }
    } finally {
      for (const release of held) release()
      await read
      server.close()
    }
  })
})

describe('/status', () => {
  it('has the state of the database, and what the resources add', async () => {
    const response = await request(createTestApp()).get('/status')
    expect(response.status).toBe(200)
    expect(response.body).toEqual({
      instance: 'test',
      writer: 'ok',
      reader: 'ok',
      hasReader: true,
      readsFrom: 'reader',
      readerLagMs: 2,
      durability: { copies: 'one', since: '1970-01-01T00:16:40.000Z', transactionsOnOne: 6 },
      things: 1,
    })
  })

  it('is 200 while the database is unavailable', async () => {
    const unknown = { readerLagMs: undefined, durability: undefined }
    const status = async () =>
      ({ writer: false, reader: false, hasReader: false, readsFrom: 'writer', ...unknown }) as const
    const response = await request(createTestApp(undefined, { client: { ...client, status } })).get('/status')
    expect(response.status).toBe(200)
    expect(response.body).toMatchObject({ writer: 'failed', reader: 'failed', readerLagMs: null, durability: null })
    expect(response.body).toMatchObject({ hasReader: false })
  })

  it('fails with 400 for an unknown parameter', async () => {
    expect((await request(createTestApp()).get('/status?x=1')).status).toBe(400)
  })
})

describe('/openapi.json', () => {
  it('is the generated document', async () => {
    const response = await request(createTestApp()).get('/openapi.json')
    const file = readFileSync(new URL('../src/http/openapi.json', import.meta.url), 'utf8')
    expect(response.headers['content-type']).toBe('application/json')
    expect(response.body).toEqual(JSON.parse(file))
  })
})

describe('the resources', () => {
  it('have their routes matched in the order in which they are registered', async () => {
    const [first, second] = ['first', 'second'].map((text) => running(thingsResource(({ res }) => void res.end(text))))
    const app = createTestApp(undefined, { resources: [first, second].flatMap((resource) => resource ?? []) })
    expect((await request(app).get('/things')).text).toBe('first')
  })
})
