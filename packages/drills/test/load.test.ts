import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { waitFor } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { failed, slowest } from '../src/drill.ts'
import { openHttpClient } from '../src/http.ts'
import { type Attempt, hasRecovered, type LoadOptions, startLoad } from '../src/load.ts'

const acknowledged = { from: 1, to: 2 }

/** A write to `/write` answers `saved`, a read of `/list` a JSON list. */
const workload: LoadOptions['workload'] = {
  newestPath: '/list',
  write: () => ({ method: 'POST', path: '/write', json: {} }),
  acknowledged: ({ status, body }) => (status === 201 && body === 'saved' ? acknowledged : undefined),
  listed: ({ status, body }) => (status === 200 ? JSON.parse(body) : undefined),
}

const answer: RequestListener = (req, res) => {
  if (req.url === '/write') res.writeHead(201).end('saved')
  else res.end('[]')
}

/** Runs a load against a server of the test's own until `count` attempts have ended. */
async function load(listener: RequestListener, count: number, timeoutMs?: number): Promise<readonly Attempt[]> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const client = openHttpClient(`http://127.0.0.1:${port}`, timeoutMs)
  const running = startLoad({ send: client.send, workload, writesPerSecond: 100, readsPerSecond: 50 })
  await waitFor(`${count} attempts`, () => running.attempts.length >= count, { intervalMs: 10 })
  const attempts = await running.stop()
  client.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  return attempts
}

const outcomes = (attempts: readonly Attempt[]) =>
  new Set(attempts.map(({ kind, outcome, detail }) => `${kind} ${outcome} ${detail}`.trim()))

describe.concurrent('startLoad', () => {
  it('sends at its rates', async () => {
    const attempts = await load(answer, 60)
    const { write = [], read = [] } = Object.groupBy(attempts, ({ kind }) => kind)
    for (const [stream, intervalMs] of [
      [write, 10],
      [read, 20],
    ] as const) {
      const planned = stream.map(({ plannedAt }) => plannedAt).toSorted((a, b) => a - b)
      expect(planned.length).toBeGreaterThan(10)
      for (const [index, at] of planned.entries()) expect(at - (planned[0] ?? 0)).toBeCloseTo(index * intervalMs)
    }
    for (const { plannedAt, sentAt } of attempts) expect(sentAt).toBeGreaterThanOrEqual(Math.floor(plannedAt))
  })

  it('records what is acknowledged', async () => {
    const attempts = await load(answer, 30)
    expect(failed(attempts)).toEqual([])
    for (const attempt of attempts) {
      expect(attempt.acknowledged).toEqual(attempt.kind === 'write' ? acknowledged : undefined)
    }
  })

  it('distinguishes refused from unanswered', async () => {
    const attempts = await load((req, res) => (req.url === '/write' ? res.writeHead(503).end() : req.destroy()), 30)
    expect(outcomes(attempts)).toEqual(new Set(['write refused 503', 'read unanswered ECONNRESET']))
  })

  it('aborts a request that is not answered', async () => {
    const attempts = await load(() => {}, 10, 300)
    expect(new Set(attempts.map(({ outcome }) => outcome))).toEqual(new Set(['unanswered']))
  })

  it('accepts only answers that the contract knows', async () => {
    const attempts = await load((_req, res) => res.end('yes'), 30)
    expect(outcomes(attempts)).toEqual(new Set(['write refused 200 with "yes"', 'read refused 200 with "yes"']))
  })

  it('keeps sending while the service stalls, and counts the wait of each request', async () => {
    let held: (() => void)[] | undefined = []
    const attempts = await load((req, res) => {
      if (held === undefined) return answer(req, res)
      held.push(() => answer(req, res))
      if (held.length < 90) return
      for (const respond of held) respond()
      held = undefined
    }, 90)
    expect(failed(attempts)).toEqual([])
    // 150 per second: the first of the 90 waited for the last one to be due.
    expect(slowest(attempts)).toBeGreaterThan(0.5)
  })
})

describe('hasRecovered', () => {
  const attemptAt = (sentAt: number, outcome: Attempt['outcome'] = 'succeeded'): Attempt => ({
    kind: 'read',
    plannedAt: sentAt,
    sentAt,
    endedAt: sentAt,
    outcome,
    detail: '',
  })
  const run = Array.from({ length: 300 }, (_, index) => attemptAt(1000 + index))

  it('holds after 300 requests in a row have succeeded', () => {
    expect(hasRecovered([attemptAt(1000, 'refused'), ...run], 1000)).toBe(true)
    expect(hasRecovered(run.slice(1), 1000)).toBe(false)
  })

  it('does not hold with a failure among them', () => {
    expect(hasRecovered([...run, attemptAt(1300, 'unanswered')], 1000)).toBe(false)
  })

  it('does not count requests that were sent before', () => {
    expect(hasRecovered(run, 1001)).toBe(false)
  })
})
