import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import type { HttpRequest } from '../src/http.ts'
import { rawHttpClient } from '../src/raw-http-client.ts'

/** Sends requests to a server of the test's own, one after the other; resolves with the outcomes and the connections. */
async function sendAll(requests: readonly HttpRequest[], listener: RequestListener) {
  const server = createServer(listener)
  let connections = 0
  server.on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const send = rawHttpClient('127.0.0.1', (server.address() as AddressInfo).port, 1000)
  const outcomes = []
  for (const request of requests) outcomes.push(await send(request))
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  return { outcomes, connections }
}

const get = (path: string): HttpRequest => ({ method: 'GET', path })

describe('rawHttpClient', () => {
  it('resolves with status and body, over one connection until the server closes it', async () => {
    const { outcomes, connections } = await sendAll(['/a', '/b', '/busy', '/c'].map(get), (req, res) => {
      if (req.url === '/busy') {
        res.statusCode = 503
        res.setHeader('Connection', 'close')
      }
      res.end(req.url)
    })
    expect(outcomes).toMatchObject([
      { status: 200, body: '/a' },
      { status: 200, body: '/b' },
      { status: 503, body: '/busy' },
      { status: 200, body: '/c' },
    ])
    expect(connections).toBe(2)
  })

  it('sends a body as JSON', async () => {
    const received: unknown[] = []
    const post: HttpRequest = { method: 'POST', path: '/notes', json: { title: 'Grüße' } }
    await sendAll([post, get('/')], async (req, res) => {
      received.push([req.method, req.headers['content-type'], await text(req)])
      res.end()
    })
    expect(received).toEqual([
      ['POST', 'application/json', '{"title":"Grüße"}'],
      ['GET', undefined, ''],
    ])
  })

  it('waits for the complete body', async () => {
    const { outcomes } = await sendAll([get('/')], (_req, res) => {
      res.writeHead(200, { 'Content-Length': 6 }).write('one', () => res.end('two'))
    })
    expect(outcomes).toMatchObject([{ status: 200, body: 'onetwo' }])
  })

  it('resolves with the error of a request, and sends further ones', async () => {
    const { outcomes } = await sendAll(['/reset', '/silent', '/a'].map(get), (req, res) => {
      if (req.url === '/reset') req.destroy()
      else if (req.url === '/a') res.end('a')
    })
    expect(outcomes).toMatchObject([{ error: expect.any(String) }, { error: 'timeout' }, { status: 200, body: 'a' }])
  })
})
