import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { keep } from '../src/keep.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Work that takes a while; each result is the number of the work. */
function counted(ms: number, fails = false) {
  let begun = 0
  const kept = keep(async () => {
    begun += 1
    const number = begun
    await new Promise((resolve) => setTimeout(resolve, ms))
    if (fails) throw new Error('broken')
    return number
  })
  return { kept, begun: () => begun }
}

describe('keep', () => {
  it('lets who asks meanwhile wait for the same', async () => {
    const { kept, begun } = counted(100)
    const all = Promise.all([kept('a'), kept('a')])
    await vi.advanceTimersByTimeAsync(100)
    expect(await all).toEqual([1, 1])
    expect(begun()).toBe(1)
  })

  it('serves a result for ten times as long as it took', async () => {
    const { kept, begun } = counted(100)
    void kept('a')
    await vi.advanceTimersByTimeAsync(1099)
    expect(await kept('a')).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    void kept('a')
    expect(begun()).toBe(2)
  })

  it('keeps what differs apart', () => {
    const { kept, begun } = counted(100)
    void kept('a')
    void kept('b')
    expect(begun()).toBe(2)
  })

  it('keeps no error', async () => {
    const { kept, begun } = counted(100, true)
    const first = expect(kept('a')).rejects.toThrow('broken')
    await vi.advanceTimersByTimeAsync(100)
    await first
    kept('a').catch(() => {})
    expect(begun()).toBe(2)
  })
})
