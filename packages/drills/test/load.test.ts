import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { failed, recovery, slowest } from '../src/drill.ts'
import { clientOf, startLoad } from '../src/load.ts'

/** Runs a load against a server of the test's own. */
async function loaded(listener: RequestListener, ms: number, timeoutMs = 5000) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const client = clientOf(`http://127.0.0.1:${port}`, timeoutMs)
  const load = startLoad({ ask: client.ask, writesPerSecond: 100, readsPerSecond: 50 })
  await delay(ms)
  const attempts = await load.stop()
  client.destroy()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  return attempts
}

const contract: RequestListener = (req, res) => res.end(req.url === '/write' ? 'Saved: 2026-11-22 09:33:53' : '[]')

describe('startLoad', () => {
  it('sends at its rates and knows what was acknowledged', async () => {
    const attempts = await loaded(contract, 1000)
    expect(failed(attempts)).toEqual([])
    const { write = [], read = [] } = Object.groupBy(attempts, ({ kind }) => kind)
    for (const [stream, everyMs] of [
      [write, 10],
      [read, 20],
    ] as const) {
      const spanMs = (stream.at(-1)?.plannedAt ?? 0) - (stream[0]?.plannedAt ?? 0)
      expect(spanMs).toBeGreaterThan(800)
      expect(spanMs / (stream.length - 1)).toBeCloseTo(everyMs)
    }
    expect(write[0]?.detail).toBe('2026-11-22 09:33:53')
  })

  it('tells refused from open', async () => {
    const attempts = await loaded((req, res) => (req.url === '/write' ? res.writeHead(503).end() : req.destroy()), 200)
    const outcomes = new Set(attempts.map(({ kind, outcome, detail }) => `${kind} ${outcome} ${detail}`))
    expect(outcomes).toEqual(new Set(['write refused 503', 'read open ECONNRESET']))
  })

  it('gives up on an answer that does not come', async () => {
    const attempts = await loaded(() => {}, 100, 300)
    expect(new Set(attempts.map(({ outcome }) => outcome))).toEqual(new Set(['open']))
  })

  it('takes no 200 for an acknowledgement that the contract does not know', async () => {
    const attempts = await loaded((_req, res) => res.end('Saved: yes'), 200)
    expect(new Set(attempts.map(({ outcome }) => outcome))).toEqual(new Set(['refused']))
  })

  it('goes on sending while the service stalls, and counts the wait of each request', async () => {
    let stalledUntil = 0
    const attempts = await loaded((req, res) => {
      stalledUntil ||= Date.now() + 700
      setTimeout(() => contract(req, res), Math.max(0, stalledUntil - Date.now()))
    }, 1000)
    // Of 150 a second, 105 fall into the stall.
    expect(attempts.filter(({ sentAt }) => sentAt < stalledUntil).length).toBeGreaterThan(80)
    expect(attempts.filter(({ plannedAt, endedAt }) => endedAt - plannedAt > 300).length).toBeGreaterThan(40)
    expect(slowest(attempts)).toBeGreaterThan(0.6)
  })
})

describe('recovery', () => {
  it('lasts until the last request that failed', async () => {
    let refusals = 0
    let lastAt = 0
    const attempts = await loaded((req, res) => {
      if (refusals === 30) return contract(req, res)
      refusals += 1
      lastAt = Date.now()
      res.writeHead(503).end()
    }, 1000)
    expect(failed(attempts)).toHaveLength(30)
    expect(recovery(attempts, lastAt - 5000)).toBeGreaterThan(4)
    expect(recovery(attempts, lastAt - 5000)).toBeLessThanOrEqual(5)
    expect(recovery(attempts, lastAt)).toBe(0)
  })
})
