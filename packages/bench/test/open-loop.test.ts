import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { type OpenLoop, runOpenLoop } from '../load/open-loop.ts'

/** Sends the load to a server of the test's own. */
async function loadOn(listener: RequestListener, load: Omit<OpenLoop, 'url'>) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    return await runOpenLoop({ url: new URL(`http://127.0.0.1:${port}/read`), ...load })
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

it.concurrent('shows a stall of one second in the latencies of all requests that were due meanwhile', async () => {
  let received = 0
  let stalled = 0
  let isStalled = false
  let stall: Promise<void> | undefined
  const load = await loadOn(
    async (_req, res) => {
      received += 1
      if (received === 100) {
        isStalled = true
        stall = delay(1000).then(() => {
          isStalled = false
        })
      }
      if (isStalled) stalled += 1
      await stall
      res.end('saved')
    },
    { rate: 200, seconds: 2, connections: 2 },
  )
  expect(load).toMatchObject({ requests: 400, refused: 0, unanswered: 0 })
  // The server had one request per connection meanwhile, too few for the 99th percentile of the times from sending.
  expect(stalled).toBe(2)
  expect(load.p99Ms).toBeGreaterThan(900)
})

it.concurrent('sends at its rate, however quick the server is', async () => {
  const load = await loadOn((_req, res) => void res.end('saved'), { rate: 2500, seconds: 0.4, connections: 8 })
  expect(load.requests).toBe(1000)
  expect(load.seconds).toBeGreaterThan(0.39)
  expect(load.p50Ms).toBeGreaterThan(0)
  expect(load.p999Ms).toBeGreaterThanOrEqual(load.p99Ms)
})

it.concurrent('counts refusals and closed connections, and goes on', async () => {
  let received = 0
  const load = await loadOn(
    (req, res) => {
      received += 1
      if (received === 3) req.destroy()
      else if (received === 5) res.writeHead(503, { Connection: 'close' }).end()
      // In chunks.
      else res.write('one', () => res.end('two'))
    },
    { rate: 200, seconds: 0.05, connections: 1 },
  )
  expect(load).toMatchObject({ requests: 9, refused: 1, unanswered: 1, p999Ms: undefined })
  expect(load.bytes).toBeGreaterThan(8 * 'onetwo'.length)
})
