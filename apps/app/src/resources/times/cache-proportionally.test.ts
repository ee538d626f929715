import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { cacheProportionally } from './cache-proportionally.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Work of a given length; each result is the number of the work. */
function counted(ms: number, fails = false) {
  let started = 0
  const cached = cacheProportionally(
    (query: string) => query.toLowerCase(),
    async () => {
      started += 1
      const number = started
      await new Promise((resolve) => setTimeout(resolve, ms))
      if (fails) throw new Error('broken')
      return number
    },
  )
  return { cached, started: () => started }
}

describe('cacheProportionally', () => {
  it('lets concurrent calls wait for the same work', async () => {
    const { cached, started } = counted(100)
    const all = Promise.all([cached('a'), cached('a')])
    await vi.advanceTimersByTimeAsync(100)
    expect(await all).toEqual([1, 1])
    expect(started()).toBe(1)
  })

  it('caches a result for ten times as long as it took', async () => {
    const { cached, started } = counted(100)
    void cached('a')
    await vi.advanceTimersByTimeAsync(1099)
    expect(await cached('a')).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    void cached('a')
    expect(started()).toBe(2)
  })

  it('separates different keys', () => {
    const { cached, started } = counted(100)
    void cached('a')
    void cached('b')
    void cached('A')
    expect(started()).toBe(2)
  })

  it('does not cache an error', async () => {
    const { cached, started } = counted(100, true)
    const first = expect(cached('a')).rejects.toThrow('broken')
    await vi.advanceTimersByTimeAsync(100)
    await first
    cached('a').catch(() => {})
    expect(started()).toBe(2)
  })
})
