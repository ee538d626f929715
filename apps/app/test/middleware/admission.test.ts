import { setImmediate as turn } from 'node:timers/promises'
import express from 'express'
import request from 'supertest'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { errorHandler } from '../../src/http/problem.ts'
import { admission, type RequestKind } from '../../src/middleware/admission.ts'

const pending = new Set<() => void>()
const kinds = new Map<string, RequestKind>([
  ['/read', 'read'],
  ['/body', 'withBody'],
])
const delay = { mean: 0, reset() {} }
let app: express.Express

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval'] })
  app = express()
  app.use(admission({ inFlightLimit: 16, eventLoopDelayLimitMs: 100 }, ({ path }) => kinds.get(path) ?? 'other', delay))
  app.get(['/', '/read', '/body'], (req, res) => {
    if ('streamed' in req.query) res.locals.onStream?.()
    pending.add(() => res.end())
  })
  app.use(errorHandler)
})

afterEach(() => {
  release()
  vi.useRealTimers()
})

function release(): void {
  for (const respond of pending) respond()
  pending.clear()
}

/** Sends requests; gives the statuses of those that are answered before any handler responds. */
async function send(count: number, path = '/'): Promise<number[]> {
  const statuses: number[] = []
  const before = pending.size
  const responses = Array.from({ length: count }, () => request(app).get(path))
  const all = Promise.all(responses.map((response) => response.then(({ status }) => statuses.push(status))))
  while (pending.size + statuses.length < before + count) await turn()
  const early = [...statuses]
  release()
  await all
  return early
}

describe('admission', () => {
  it('refuses requests above the limit at once, and accepts requests again when others have ended', async () => {
    expect(await send(20)).toEqual([503, 503, 503, 503])
    expect(await send(16)).toEqual([])
  })

  it.each([
    ['/read', '/'],
    ['/', '/read'],
    ['/body', '/'],
    ['/', '/body'],
  ])('counts kinds apart: %s takes no places of %s', async (one, other) => {
    const held = Promise.all(Array.from({ length: 16 }, () => request(app).get(one).then()))
    while (pending.size < 16) await turn()
    expect((await request(app).get(one)).status).toBe(503)
    expect(await send(17, other)).toEqual([503])
    await held
  })

  it('lowers the limit of reads first while the event loop is delayed', async () => {
    const reads = Promise.all(Array.from({ length: 16 }, () => request(app).get('/read').then()))
    while (pending.size < 16) await turn()
    delay.mean = 150e6
    vi.advanceTimersByTime(4 * 250)
    expect((await request(app).get('/read')).status).toBe(503)
    expect(await send(16)).toEqual([])
    await reads
    vi.advanceTimersByTime(250)
    expect(await send(16)).toHaveLength(8)
  })

  it('does not count streamed responses while the limit is lowered, but all of them otherwise', async () => {
    const lists = Promise.all(Array.from({ length: 14 }, () => request(app).get('/read?streamed').then()))
    while (pending.size < 14) await turn()
    const streamed = [...pending]
    pending.clear()
    delay.mean = 150e6
    vi.advanceTimersByTime(4 * 250)
    expect(await send(1, '/read')).toEqual([])
    expect(await send(2, '/read')).toEqual([503])
    delay.mean = 0
    vi.advanceTimersByTime(16 * 250)
    expect(await send(3, '/read')).toEqual([503])
    for (const respond of streamed) respond()
    await lists
    expect(await send(17, '/read')).toEqual([503])
  })

  it('refuses with a problem and Retry-After', async () => {
    const all = Promise.all(Array.from({ length: 16 }, () => request(app).get('/').then()))
    while (pending.size < 16) await turn()
    const refused = await request(app).get('/')
    expect(refused.status).toBe(503)
    expect(refused.headers['retry-after']).toBe('1')
    expect(refused.body).toMatchObject({ title: 'Service Unavailable', detail: expect.stringContaining('overloaded') })
    release()
    await all
  })

  it('lowers the limit while the event loop is delayed, never to nothing, and restores it afterwards', async () => {
    delay.mean = 150e6
    vi.advanceTimersByTime(250)
    expect(await send(16)).toHaveLength(8)
    vi.advanceTimersByTime(10 * 250)
    expect(await send(16)).toHaveLength(15)
    delay.mean = 0
    vi.advanceTimersByTime(250)
    expect(await send(16)).toHaveLength(14)
    vi.advanceTimersByTime(14 * 250)
    expect(await send(16)).toEqual([])
  })
})
