import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import request from 'supertest'
import { describe, expect, it } from 'vitest'
import type { Exchange } from '../../src/http/endpoint.ts'
import { send } from '../../src/http/send.ts'
import { createHttpServer, listen } from '../../src/http/server.ts'
import { collectLines, createTestApp } from '../test-app.ts'

let handled = 0
const app = createTestApp(({ params, query, body, res }: Exchange<unknown>) => {
  handled += 1
  send(res, 200, 'application/json', JSON.stringify(params ?? query ?? body ?? null))
})

describe('createRouter', () => {
  it('gives the handler the validated query', async () => {
    expect((await request(app).get('/things?limit=3')).body).toEqual({ limit: 3 })
  })

  it('does not call the handler for an invalid query', async () => {
    const before = handled
    const response = await request(app).get('/things?limit=11')
    expect(response.status).toBe(400)
    expect(response.body.detail).toBe("'limit' must be an integer from 1 to 10.")
    expect(handled).toBe(before)
  })

  it('does not look at the query of an endpoint without a schema for it', async () => {
    expect((await request(app).post('/things?anything')).status).toBe(200)
  })

  it('gives the handler the validated body', async () => {
    expect((await request(app).put('/things').send({ text: 'x' })).body).toEqual({ text: 'x' })
  })

  it.each([
    ['an empty body', undefined, [{ field: 'text', detail: 'is required' }]],
    ['a missing field', {}, [{ field: 'text', detail: 'is required' }]],
    ['an invalid field', { text: '' }, [{ field: 'text', detail: 'must not be empty' }]],
    [
      'several',
      { text: '', admin: true },
      [
        { field: 'text', detail: 'must not be empty' },
        { field: 'admin', detail: 'is unknown: expected text' },
      ],
    ],
  ])('fails with 422 and the names of the fields for %s', async (_what, body, errors) => {
    const before = handled
    const response = await request(app).put('/things').type('application/json').send(body)
    expect(response.status).toBe(422)
    expect(response.body).toMatchObject({
      type: '/openapi.json#/components/schemas/InvalidFields',
      title: 'Invalid Fields',
      detail: errors.map(({ field, detail }) => `'${field}' ${detail}.`).join(' '),
      errors,
    })
    expect(handled).toBe(before)
  })

  it('fails with 422 and the names of a hundred for thousands of unknown fields', async () => {
    const body = Object.fromEntries(Array.from({ length: 12_000 }, (_, at) => [`x${at}`, 0]))
    const response = await request(app).put('/things').send(body)
    expect(response.status).toBe(422)
    expect(response.body.errors).toHaveLength(101)
    expect(response.text.length).toBeLessThan(10_000)
  })

  it('fails with 400 for JSON that is no object', async () => {
    const response = await request(app).put('/things').type('application/json').send('[]')
    expect([response.status, response.body.detail]).toEqual([400, 'The body must be a JSON object.'])
  })

  it('fails with 400 for malformed JSON', async () => {
    const response = await request(app).put('/things').type('application/json').send('{"text":')
    expect(response.status).toBe(400)
    expect(response.headers['content-type']).toBe('application/problem+json')
  })

  it('gives the handler a body of unknown length, which comes in chunks', async () => {
    const sent = request(app).put('/things').type('application/json')
    for (const part of ['{"te', 'xt":', '"x"}']) sent.write(part)
    expect((await sent).body).toEqual({ text: 'x' })
  })

  const compressed = (body: Buffer) => {
    const sent = request(app).put('/things').type('application/json').set('Content-Encoding', 'gzip')
    sent.write(body)
    return sent
  }

  it('gives the handler a compressed body', async () => {
    expect((await compressed(gzipSync('{"text":"x"}'))).body).toEqual({ text: 'x' })
  })

  it.each([
    [413, 'more than 128 KB', gzipSync(JSON.stringify({ text: 'x'.repeat(131_072) }))],
    [400, 'something else', Buffer.from('{"text":"x"}')],
  ])('fails with %d for a compressed body of %s', async (status, _what, body) => {
    expect((await compressed(body)).status).toBe(status)
  })

  it.each([
    ['ends early', Buffer.concat([gzipSync('{"text":"x"}'), Buffer.alloc(160_000)])],
    ['does not end early', gzipSync(randomBytes(150_000))],
  ])('fails with 413 for more than 128 KB in parts, whose gzip member %s', async (_what, body) => {
    const before = handled
    const sent = compressed(body.subarray(0, 60_000))
    await setTimeout(50)
    sent.write(body.subarray(60_000))
    expect((await sent).status).toBe(413)
    expect(handled).toBe(before)
  })

  it('gives the handler a body of 128 KB', async () => {
    const body = JSON.stringify({ text: 'x'.repeat(131_061) })
    expect(body).toHaveLength(131_072)
    const response = await request(app).put('/things').type('application/json').send(body)
    expect(response.status).toBe(200)
  })

  it('fails with 413 for chunks of more than 128 KB', async () => {
    const sent = request(app).put('/things').type('application/json')
    sent.write(JSON.stringify({ text: 'x'.repeat(131_072) }))
    expect((await sent).status).toBe(413)
  })

  it('fails with 413 for a body of more than 128 KB', async () => {
    expect(
      (
        await request(app)
          .put('/things')
          .send({ text: 'x'.repeat(131_072) })
      ).status,
    ).toBe(413)
  })

  it('receives a body that the endpoint has no use for before it calls the handler', async () => {
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const before = handled
    for (const framing of ['Content-Length: 40000', 'Transfer-Encoding: chunked']) {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
      socket.write(`POST /things HTTP/1.1\r\nHost: app\r\n${framing}\r\n\r\n5\r\nhello\r\n`)
      await setTimeout(50)
      socket.end()
      await once(socket.resume(), 'close')
    }
    expect(handled).toBe(before)
    server.close()
  })

  it.each(['POST /things', 'GET /write-thing'])(
    'fails with 413 for a long body that %s has no use for',
    async (route) => {
      const [method, path] = route.split(' ') as ['POST' | 'GET', string]
      const before = handled
      const sent = request(app)[method === 'POST' ? 'post' : 'get'](path).set('Transfer-Encoding', 'chunked')
      sent.write('x'.repeat(131_073))
      expect((await sent).status).toBe(413)
      expect(handled).toBe(before)
    },
  )

  it('gives the handler a body that comes in chunks of a byte, and keeps it in little memory', async () => {
    const text = 'x'.repeat(100_000)
    const sent = request(app).put('/things').type('application/json')
    for (const byte of JSON.stringify({ text })) sent.write(byte)
    expect((await sent).body).toEqual({ text })

    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const routes = ['PUT /things', 'POST /things', 'GET /write-thing']
    const sockets = [...routes, ...routes].map((route) => {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
      socket.write(
        `${route} HTTP/1.1\r\nHost: app\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
      )
      return socket
    })
    const before = process.memoryUsage().rss
    for (const socket of sockets) socket.write('1\r\nx\r\n'.repeat(130_000))
    await setTimeout(3000)
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6)
    for (const socket of sockets) socket.destroy()
    server.close()
  })

  it.each(['PUT', 'POST'])(
    'does not call the handler once the server has given up on the body of a %s',
    async (method) => {
      const before = handled
      const server = createHttpServer(app)
      const port = await listen(server, 0)
      const accepted = once(server, 'connection')
      const socket = connect({ port, allowHalfOpen: true })
      socket.write(
        `${method} /things HTTP/1.1\r\nHost: app\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"text`,
      )
      const [connection] = await accepted
      await setTimeout(50)
      // As Node does after `requestTimeout`.
      server.emit('clientError', Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), connection)
      const response = text(socket)
      socket.write('":"x"}')
      await setTimeout(50)
      socket.end()
      expect(await response).toMatch(/^HTTP\/1.1 408 /)
      expect(handled).toBe(before)
      server.close()
    },
  )

  it('logs a request whose body is cut off as aborted, not as an error', async () => {
    const { lines, logger } = collectLines()
    const server = createTestApp(undefined, { logger }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    for (const method of ['PUT', 'POST']) {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
      socket.write(
        `${method} /things HTTP/1.1\r\nHost: app\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\nhello`,
      )
      await setTimeout(50)
      socket.destroy()
    }
    await expect.poll(() => lines).toHaveLength(2)
    for (const line of lines) expect(line).toMatchObject({ level: 'info', msg: 'request aborted' })
    server.close()
  })

  it('fails with 415 for another content type', async () => {
    const response = await request(app).put('/things').type('text/plain').send('{"text":"x"}')
    expect(response.status).toBe(415)
    expect(response.body.detail).toBe('The Content-Type must be application/json.')
  })

  it('answers HEAD like GET, without a body', async () => {
    const response = await request(app).head('/things?limit=3')
    expect(response.status).toBe(200)
    expect(response.headers['content-length']).toBe('11')
    expect(response.text ?? '').toBe('')
  })

  it('does not call a GET handler that is not safe for HEAD', async () => {
    const before = handled
    const response = await request(app).head('/write-thing')
    expect(response.status).toBe(405)
    expect(response.headers.allow).toBe('GET')
    expect(handled).toBe(before)
  })

  it.each(['delete', 'options', 'patch'] as const)('fails with 405 and Allow for %s', async (method) => {
    const response = await request(app)[method]('/things')
    expect(response.status).toBe(405)
    expect(response.headers.allow).toBe('GET, HEAD, POST, PUT')
    expect(response.body).toMatchObject({
      title: 'Method Not Allowed',
      detail: `Method ${method.toUpperCase()} is not allowed.`,
    })
  })

  it('gives the handler the parameters of the path', async () => {
    expect((await request(app).patch('/things/7').set('If-Match', '*').send({})).body).toEqual({ id: 7 })
  })

  it.each(['0', 'x', '1.0', '-1', '9'.repeat(20)])('fails with 404 for a parameter that is %s', async (id) => {
    const response = await request(app).patch(`/things/${id}`).set('If-Match', '*').send({})
    expect([response.status, response.body.detail]).toEqual([404, `No resource at /things/${id}.`])
  })

  it('accepts a merge patch, and nothing but JSON', async () => {
    const patch = (type: string) => request(app).patch('/things/7').set('If-Match', '*').type(type).send('{"text":"x"}')
    expect((await patch('application/merge-patch+json')).status).toBe(200)
    const { status, body } = await patch('text/plain')
    expect([status, body.detail]).toEqual([
      415,
      'The Content-Type must be application/json or application/merge-patch+json.',
    ])
  })

  it.each(['/things/', '/Things', '/things/1/'])('fails with 404 for %s, which is another path', async (path) => {
    expect((await request(app).get(path)).status).toBe(404)
  })
})
