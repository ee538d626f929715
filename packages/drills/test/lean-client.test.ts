import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { leanClient } from '../src/lean-client.ts'

/** Asks a server of the test's own, one request after the other; gives the answers and how many connections it took. */
async function asked(paths: readonly string[], listener: RequestListener) {
  const server = createServer(listener)
  let connections = 0
  server.on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const ask = leanClient('127.0.0.1', (server.address() as AddressInfo).port, 300)
  const answers = []
  for (const path of paths) answers.push(await ask(path))
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  return { answers, connections }
}

describe('leanClient', () => {
  it('gives status and body, over one connection as long as it may be kept', async () => {
    const { answers, connections } = await asked(['/a', '/b', '/busy', '/c'], (req, res) => {
      if (req.url === '/busy') {
        res.statusCode = 503
        res.setHeader('Connection', 'close')
      }
      res.end(req.url)
    })
    expect(answers).toMatchObject([
      { status: 200, body: '/a' },
      { status: 200, body: '/b' },
      { status: 503, body: '/busy' },
      { status: 200, body: '/c' },
    ])
    expect(connections).toBe(2)
  })

  it('waits for the whole body', async () => {
    const { answers } = await asked(['/'], (_req, res) => {
      res.writeHead(200, { 'Content-Length': 6 }).write('one')
      setTimeout(() => res.end('two'), 50)
    })
    expect(answers).toMatchObject([{ status: 200, body: 'onetwo' }])
  })

  it('says what broke, and goes on', async () => {
    const { answers } = await asked(['/cut', '/silent', '/a'], (req, res) => {
      if (req.url === '/cut') req.destroy()
      else if (req.url === '/a') res.end('a')
    })
    expect(answers).toMatchObject([{ broken: expect.any(String) }, { broken: 'timeout' }, { status: 200, body: 'a' }])
  })
})
