import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createReaderLag, type ReaderLag } from '../src/reader-lag.ts'

let lag: ReaderLag
let ids: { writer: number | Error; reader: number | Error }

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  ids = { writer: 0, reader: 0 }
  lag = createReaderLag({
    async newest(endpoint) {
      const id = ids[endpoint]
      if (id instanceof Error) throw id
      return id
    },
    intervalMs: 1000,
  })
})

afterEach(() => {
  lag.stop()
  vi.useRealTimers()
})

const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000)

describe('the lag of the reader', () => {
  it('is none as long as it has what the writer had', async () => {
    for (let id = 1; id < 10; id += 1) {
      ids = { writer: id, reader: id }
      await seconds(1)
      expect(lag.ms()).toBe(0)
    }
  })

  it('grows while the reader lacks a row', async () => {
    ids.writer = 1
    await seconds(6)
    expect(lag.ms()).toBe(5000)
  })

  it('grows between two measurements too', async () => {
    ids.writer = 1
    await seconds(5.5)
    expect(lag.ms()).toBe(4500)
  })

  it('is what it is for a reader that follows at a distance', async () => {
    for (let id = 1; id < 200; id += 1) {
      ids = { writer: id, reader: Math.max(0, id - 3) }
      await seconds(1)
      expect(lag.ms()).toBeLessThanOrEqual(2000)
    }
  })

  it('is none again as soon as the reader has caught up, even after a long time', async () => {
    for (let id = 1; id < 200; id += 1) {
      ids.writer = id
      await seconds(1)
    }
    expect(lag.ms()).toBeGreaterThan(190_000)
    ids.reader = 199
    await seconds(1)
    expect(lag.ms()).toBe(0)
  })

  it('forgets what it saw before the table was emptied', async () => {
    ids.writer = 100
    await seconds(6)
    ids = { writer: 1, reader: 1 }
    await seconds(1)
    expect(lag.ms()).toBe(0)
  })

  it('counts as none while the writer cannot be asked', async () => {
    ids.writer = 1
    await seconds(6)
    ids.writer = new Error('away')
    await seconds(1)
    expect(lag.ms()).toBe(0)
  })

  it('goes on growing while the reader cannot be asked', async () => {
    ids = { writer: 1, reader: new Error('away') }
    await seconds(6)
    expect(lag.ms()).toBe(5000)
  })
})
