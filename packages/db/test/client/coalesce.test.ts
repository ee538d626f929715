import { beforeEach, describe, expect, it, vi } from 'vitest'
import { coalesce } from '../../src/client/coalesce.ts'
import { DatabaseTimeout } from '../../src/client/errors.ts'

interface Started {
  readonly query: string
  readonly deadline: number
  readonly finish: () => void
  readonly fail: () => void
}

/** The work that was started; each result is the number of the work. */
let started: Started[]
let call: (query: string) => Promise<number>

beforeEach(() => {
  started = []
  call = coalesce<string, number>({
    keyOf: (query) => query.toLowerCase(),
    work(query, deadline) {
      const { promise, resolve, reject } = Promise.withResolvers<number>()
      const number = started.length
      started.push({ query, deadline, finish: () => resolve(number), fail: () => reject(new Error('broken')) })
      return promise
    },
    deadlineMs: 1000,
  })
})

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('coalesce', () => {
  it('starts the work of a lone call at once', () => {
    call('a')
    expect(started).toHaveLength(1)
  })

  it('never gives a call the result of work that began before it', async () => {
    const first = call('a')
    const later = [call('a'), call('a'), call('a')]
    expect(started).toHaveLength(1)
    started[0]?.finish()
    expect(await first).toBe(0)
    await turn()
    expect(started).toHaveLength(2)
    const last = call('a')
    started[1]?.finish()
    expect(await Promise.all(later)).toEqual([1, 1, 1])
    await turn()
    started[2]?.finish()
    expect(await last).toBe(2)
  })

  it('separates different keys', async () => {
    const both = [call('a'), call('b')]
    expect(started.map(({ query }) => query)).toEqual(['a', 'b'])
    for (const { finish } of started) finish()
    expect(await Promise.all(both)).toEqual([0, 1])
  })

  it('compares queries by their keys', () => {
    call('a')
    call('A').catch(() => {})
    expect(started.map(({ query }) => query)).toEqual(['a'])
  })

  it('goes on after a failure, which only those who shared it see', async () => {
    const first = call('a')
    const second = call('a')
    started[0]?.fail()
    await expect(first).rejects.toThrow('broken')
    await turn()
    started[1]?.finish()
    expect(await second).toBe(1)
  })

  it('gives shared work the deadline of the call that came last', async () => {
    call('a')
    call('a').catch(() => {})
    const startedAt = performance.now()
    while (performance.now() < startedAt + 50) await turn()
    call('a').catch(() => {})
    started[0]?.finish()
    await turn()
    expect(started[1]?.deadline).toBeGreaterThanOrEqual(startedAt + 1000 + 50)
    started[1]?.finish()
  })

  it('rejects a call at its own deadline, and no later call with it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    try {
      call('a')
      const early = call('a').catch((error: unknown) => error)
      vi.advanceTimersByTime(900)
      const late = call('a')
      started[0]?.finish()
      await turn()
      vi.advanceTimersByTime(100)
      expect(await early).toBeInstanceOf(DatabaseTimeout)
      started[1]?.finish()
      expect(await late).toBe(1)
    } finally {
      vi.useRealTimers()
    }
  })
})
