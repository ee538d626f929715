import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createReplicaLag, type ReplicaLag } from '../../src/client/replica-lag.ts'

let lag: ReplicaLag
let beats: number
let beatenAt: number
let measurements: number
/** The newest beat of the reader. */
let replicated: () => number | Promise<number>
let replicatedAgeMs: () => number
let writerFails: boolean
let readerFails: boolean
let writerAnswers: Promise<unknown> | undefined
let ageMs: number

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'performance'] })
  beats = 0
  beatenAt = -3_600_000
  measurements = 0
  replicated = () => beats
  replicatedAgeMs = () => 0
  writerFails = false
  readerFails = false
  writerAnswers = undefined
  ageMs = 0
  lag = createReplicaLag({
    async beat() {
      measurements += 1
      if (writerAnswers !== undefined) await writerAnswers
      if (writerFails) throw new Error('unavailable')
      const newest = { number: beats, ageMs: performance.now() - beatenAt + ageMs }
      if (performance.now() - beatenAt > 900) {
        beats += 1
        beatenAt = performance.now()
      }
      return newest
    },
    async replicated() {
      if (readerFails) throw new Error('unavailable')
      return { number: await replicated(), ageMs: replicatedAgeMs() }
    },
    intervalMs: 1000,
  })
})

afterEach(() => {
  lag.stop()
  vi.useRealTimers()
})

/** Lets time pass while the database is in use, or at rest. */
async function seconds(count: number, use: 'in use' | 'at rest' = 'in use') {
  for (let passed = 0; passed < count; passed += 0.5) {
    if (use === 'in use') lag.touch()
    await vi.advanceTimersByTimeAsync(500)
  }
}

describe('the replica lag', () => {
  it('is 0 before the first measurement', () => {
    expect(lag.ms()).toBe(0)
  })

  it('is 0 as long as the reader has the beats of the measurements before', async () => {
    replicated = () => beats - 1
    for (let at = 0; at < 10; at += 1) {
      await seconds(1)
      expect(lag.ms()).toBe(0)
    }
  })

  it('grows while the reader lacks a beat', async () => {
    replicated = () => 0
    await seconds(6)
    expect(lag.ms()).toBe(6000)
  })

  it('grows between two measurements too', async () => {
    replicated = () => 0
    await seconds(5.5)
    expect(lag.ms()).toBe(5500)
  })

  it('counts from the time of the beat, not from when it was seen', async () => {
    ageMs = 300
    replicated = () => 0
    await seconds(6)
    expect(lag.ms()).toBe(6300)
  })

  it('grows while the reader lacks a beat from before the clock was set back', async () => {
    ageMs = -3_600_000
    replicated = () => 0
    await seconds(6)
    expect(lag.ms()).toBe(5000)
  })

  it('stays the same for a reader that follows at a distance', async () => {
    replicated = () => Math.max(0, beats - 3)
    for (let at = 0; at < 200; at += 1) {
      await seconds(1)
      expect(lag.ms()).toBeLessThanOrEqual(4000)
    }
    expect(lag.ms()).toBeGreaterThanOrEqual(2000)
  })

  it('is 0 as soon as the reader has caught up, even after a long time', async () => {
    replicated = () => 0
    await seconds(200)
    expect(lag.ms()).toBeGreaterThan(190_000)
    replicated = () => beats
    await seconds(1)
    expect(lag.ms()).toBe(0)
  })

  it('is 0 within a fifth of an interval after the reader has caught up', async () => {
    replicated = () => 0
    await seconds(6)
    replicated = () => beats
    await vi.advanceTimersByTimeAsync(201)
    expect(lag.ms()).toBe(0)
  })

  it('is measured once per interval as long as the reader lacks nothing', async () => {
    replicated = () => beats - 1
    await seconds(10)
    expect(measurements).toBe(11)
  })

  it('shrinks while the reader catches up', async () => {
    replicated = () => 0
    await seconds(30)
    replicated = () => 20
    await seconds(1)
    expect(lag.ms()).toBeLessThan(13_000)
    expect(lag.ms()).toBeGreaterThan(0)
  })

  it('forgets the beats that a restored table no longer has', async () => {
    beats = 100
    replicated = () => 0
    await seconds(6)
    beats = 0
    replicated = () => beats
    await seconds(1)
    expect(lag.ms()).toBe(0)
  })

  it('is not forgotten while the writer does not answer, until the reader has caught up', async () => {
    replicated = () => 0
    await seconds(6)
    writerFails = true
    await seconds(4)
    expect(lag.ms()).toBe(10_000)
    replicated = () => beats
    await seconds(1)
    expect(lag.ms()).toBe(0)
  })

  it('stays 0 while the writer does not answer, for a reader that lacked nothing', async () => {
    await seconds(6)
    writerFails = true
    await seconds(60)
    expect(lag.ms()).toBe(0)
  })

  it('goes on growing while the reader does not answer', async () => {
    readerFails = true
    await seconds(6)
    expect(lag.ms()).toBe(6000)
  })
})

describe('after a restore', () => {
  const restored = 100

  /** The writer was restored to an hour ago while the reader was stopped. */
  async function restore() {
    beats = 3700
    readerFails = true
    await seconds(3)
    beats = restored
    await seconds(3)
    readerFails = false
    replicated = () => 3700
    const beatenAt = performance.now() - 6000
    replicatedAgeMs = () => performance.now() - beatenAt
    await seconds(1)
  }

  it('is the age of what the reader has, until it has applied the restore', async () => {
    await restore()
    expect(lag.ms()).toBeGreaterThan(3000)
    await seconds(60)
    expect(lag.ms()).toBeGreaterThan(60_000)
    replicated = () => beats
    await seconds(1)
    expect(lag.ms()).toBe(0)
  })

  it('is known from the first measurement on', async () => {
    beats = restored
    replicated = () => 3700
    replicatedAgeMs = () => 600_000
    await lag.touch()
    expect(lag.ms()).toBeGreaterThanOrEqual(600_000)
  })

  it('is known also when the restored table has no beat', async () => {
    replicated = () => 7
    replicatedAgeMs = () => 8000
    await lag.touch()
    expect(lag.ms()).toBeGreaterThanOrEqual(8000)
  })

  it('is not forgotten when the writer has again as many beats as the reader had, and more', async () => {
    await restore()
    beats = 3695
    await seconds(10)
    expect(beats).toBeGreaterThan(3700)
    expect(lag.ms()).toBeGreaterThan(10_000)
  })

  it('is not forgotten while the reader applies beats from before the restore', async () => {
    await restore()
    for (const number of [3720, 3740, 3760]) {
      beats = number - 5
      replicated = () => number
      await seconds(1)
    }
    beats = 3800
    await seconds(1)
    expect(lag.ms()).toBeGreaterThan(5000)
  })

  it('is that of the first beat that the reader lacks when it has applied the restore and no beat since', async () => {
    await restore()
    replicated = () => restored
    await seconds(10)
    expect(lag.ms()).toBeGreaterThan(10_000)
    expect(lag.ms()).toBeLessThan(20_000)
  })

  it('stays 0 for a reader that gets the next beat between the two measurements', async () => {
    replicated = () => beats
    for (let at = 0; at < 100; at += 1) {
      await seconds(0.5)
      expect(lag.ms()).toBe(0)
    }
  })
})

describe('at rest', () => {
  it('makes no beat', async () => {
    await seconds(10, 'at rest')
    expect(beats).toBe(0)
  })

  it('makes one more beat after the last use, then none', async () => {
    lag.touch()
    await seconds(10, 'at rest')
    expect(beats).toBe(2)
    await seconds(100, 'at rest')
    expect(beats).toBe(2)
  })

  it('is followed by a use that measures at once', async () => {
    await seconds(5)
    await seconds(60, 'at rest')
    const before = beats
    lag.touch()
    expect(beats).toBe(before + 1)
  })

  it('is followed by a use that counts the reader as behind if it was, until it is measured', async () => {
    await seconds(5)
    const had = beats
    replicated = () => had
    await seconds(2)
    await seconds(60, 'at rest')
    lag.touch()
    expect(lag.ms()).toBeGreaterThan(60_000)
    replicated = () => beats
    await seconds(1)
    expect(lag.ms()).toBe(0)
  })

  it('is followed by a use that waits until it is known what the reader has lacked since', async () => {
    await seconds(5)
    const had = beats - 1
    await seconds(60, 'at rest')
    replicated = () => had
    await lag.touch()
    expect(lag.ms()).toBeGreaterThanOrEqual(60_000)
    expect(lag.touch()).toBeUndefined()
  })

  it('is followed by a use that knows a lag also when another client has just made a beat', async () => {
    beats = 7
    beatenAt = performance.now()
    replicated = () => 5
    replicatedAgeMs = () => 3_600_000
    await lag.touch()
    expect(lag.ms()).toBe(3_600_000)
  })

  it.each(['reader', 'writer'])(
    'is followed by a use that waits for half an interval for a %s that is silent',
    async (who) => {
      await seconds(5)
      await seconds(60, 'at rest')
      const silence = new Promise<number>(() => {})
      if (who === 'reader') replicated = () => silence
      else writerAnswers = silence
      const known = vi.fn()
      lag.touch()?.then(known)
      await vi.advanceTimersByTimeAsync(499)
      expect(known).not.toHaveBeenCalled()
      await vi.advanceTimersByTimeAsync(1)
      expect(known).toHaveBeenCalled()
    },
  )

  it('is followed by a use that counts the reader as up to date if it was', async () => {
    await seconds(5)
    await seconds(60, 'at rest')
    lag.touch()
    expect(lag.ms()).toBe(0)
  })
})

it('measures outside of the context of the call that started it', async () => {
  const context = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const own = createReplicaLag({
    async beat() {
      seen.push(context.getStore())
      return { number: 1, ageMs: 0 }
    },
    replicated: async () => ({ number: 1, ageMs: 0 }),
    intervalMs: 1000,
  })
  context.run('request', own.touch)
  await vi.advanceTimersByTimeAsync(1000)
  own.stop()
  expect(seen).toEqual([undefined, undefined])
})
