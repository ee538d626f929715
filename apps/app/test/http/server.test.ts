import { once } from 'node:events'
import { Agent, get, type Server } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import express from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { createHttpServer, drain, listen } from '../../src/http/server.ts'

let server: Server

afterEach(() => {
  server.closeAllConnections()
  server.close()
})

async function start(app = express()): Promise<number> {
  server = createHttpServer(app)
  return listen(server, 0)
}

/** Sends bytes as they are; gives the complete response. */
async function sendRaw(port: number, bytes: string): Promise<string> {
  const socket = connect(port)
  socket.write(bytes)
  return text(socket)
}

describe('createHttpServer', () => {
  it.each([
    [400, 'Bad Request', 'GET / HTTP/1.1\r\nno header\r\n\r\n'],
    [400, 'Bad Request', 'nonsense\r\n\r\n'],
    [431, 'Request Header Fields Too Large', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
  ])('answers malformed HTTP with status %d and a problem', async (status, title, bytes) => {
    const response = await sendRaw(await start(), bytes)
    const [head = '', body = ''] = response.split('\r\n\r\n')
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} ${title}\r\n`))
    expect(head).toContain('Content-Type: application/problem+json')
    expect(JSON.parse(body)).toEqual({ type: 'about:blank', title, status })
  })
})

describe('listen', () => {
  it('fails when the port is taken', async () => {
    const port = await start()
    await expect(listen(createHttpServer(express()), port)).rejects.toThrow('EADDRINUSE')
  })
})

describe('drain', () => {
  it('waits for the requests in flight, and accepts no connection meanwhile', async () => {
    const arrived = Promise.withResolvers<express.Response>()
    const app = express().get('/', (_req, res) => arrived.resolve(res))
    const port = await start(app)
    const response = once(get({ port, agent: false }), 'response')
    const res = await arrived.promise
    let drained = false
    const draining = drain(server, 0).then(() => {
      drained = true
    })
    await expect.poll(() => server.listening, { timeout: 300_000 }).toBe(false)
    await expect(once(connect(port), 'connect')).rejects.toThrow('ECONNREFUSED')
    expect(drained).toBe(false)
    res.end('done')
    const [message] = await response
    expect(await text(message)).toBe('done')
    await draining
  })

  // Node itself would end it after 65 s.
  it('ends a connection that is kept open once its last request has ended', { timeout: 30_000 }, async () => {
    const arrived = Promise.withResolvers<express.Response>()
    const app = express().get('/', (_req, res) => arrived.resolve(res))
    const agent = new Agent({ keepAlive: true })
    const response = once(get({ port: await start(app), agent }), 'response')
    const res = await arrived.promise
    const draining = drain(server, 0)
    await expect.poll(() => server.listening, { timeout: 300_000 }).toBe(false)
    res.end('done')
    const [message] = await response
    expect(message.headers.connection).toBe('keep-alive')
    expect(await text(message)).toBe('done')
    await draining
    agent.destroy()
  })
})
