import { DatabaseOverloaded, DatabaseUnavailable, WriteOutcomeUnknown } from '@repo/db'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Batch, batchChannel, createWriteBatcher, type WriteBatcherOptions } from './write-batcher.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** A batcher whose statements end when the test says so. */
function controlled(options: Partial<WriteBatcherOptions<Date, void>> = {}) {
  const statements: { size: number; sendBy: number; deadline: number; finish: (error?: Error) => void }[] = []
  const batcher = createWriteBatcher<Date, void>({
    insert: (times, limits) =>
      new Promise((resolve, reject) => {
        statements.push({ size: times.length, ...limits, finish: (error) => (error ? reject(error) : resolve([])) })
      }),
    batchLimit: 100,
    concurrency: 1,
    queueLimit: 1000,
    deadlineMs: 10_000,
    ...options,
  })
  const saveMany = (count: number) => Array.from({ length: count }, () => batcher.save(new Date()))
  return { batcher, statements, saveMany }
}

const settled = async (promises: Promise<void>[]) => (await Promise.allSettled(promises)).map(({ status }) => status)
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('save', () => {
  it('sends a lone time at once', () => {
    const { statements, saveMany } = controlled()
    saveMany(1)
    expect(statements.map(({ size }) => size)).toEqual([1])
  })

  it('lets what arrives during a statement share the next one', async () => {
    const { statements, saveMany } = controlled()
    const saves = saveMany(8)
    statements[0]?.finish()
    await turn()
    expect(statements.map(({ size }) => size)).toEqual([1, 7])
    statements[1]?.finish()
    expect(await settled(saves)).toEqual(Array(8).fill('fulfilled'))
  })

  it('acknowledges nothing before its own statement is committed', async () => {
    const { statements, saveMany } = controlled()
    const [first, second] = saveMany(2)
    let acknowledged = 0
    second?.then(() => acknowledged++)
    statements[0]?.finish()
    await first
    await turn()
    expect(acknowledged).toBe(0)
    statements[1]?.finish()
    await second
    expect(acknowledged).toBe(1)
  })

  it('rejects exactly the times of the statement that failed', async () => {
    const { statements, saveMany } = controlled()
    const early = settled(saveMany(4))
    statements[0]?.finish()
    await turn()
    const late = settled(saveMany(2))
    statements[1]?.finish(new Error('broken'))
    await turn()
    statements[2]?.finish()
    expect(await early).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected'])
    expect(await late).toEqual(['fulfilled', 'fulfilled'])
  })

  it('gives each item its own result, and its error to that one alone', async () => {
    const batcher = createWriteBatcher<{ text: string }, string>({
      insert: async (items) => items.map(({ text }) => (text === 'bad' ? new Error(text) : text)),
      batchLimit: 100,
      concurrency: 1,
      queueLimit: 1000,
      deadlineMs: 10_000,
    })
    const saves = ['first', 'good', 'bad', 'better'].map((text) => batcher.save({ text }))
    const outcomes = await Promise.allSettled(saves)
    expect(outcomes.map((outcome) => Object(outcome).value ?? Object(outcome).reason.message)).toEqual([
      'first',
      'good',
      'bad',
      'better',
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  })

  it('observes the limits of batch, concurrency and queue', async () => {
    const { statements, saveMany } = controlled({ batchLimit: 3, concurrency: 2, queueLimit: 5 })
    const saves = saveMany(8)
    expect(statements.map(({ size }) => size)).toEqual([1, 1])
    await expect(saves[7]).rejects.toBeInstanceOf(DatabaseOverloaded)
    statements[0]?.finish()
    await turn()
    expect(statements.map(({ size }) => size)).toEqual([1, 1, 3])
  })

  it('does not send a time whose deadline has passed', async () => {
    const { statements, saveMany } = controlled({ deadlineMs: 5 })
    const [first, second] = saveMany(2)
    vi.advanceTimersByTime(10)
    statements[0]?.finish()
    await expect(first).rejects.toBeInstanceOf(WriteOutcomeUnknown)
    await expect(second).rejects.toBeInstanceOf(DatabaseUnavailable)
    expect(statements).toHaveLength(1)
  })
})

it('does not send a time with less time left than a statement takes, but always a new one', async () => {
  const { statements, saveMany } = controlled({ deadlineMs: 100 })
  const [first, second] = saveMany(2)
  vi.advanceTimersByTime(70)
  statements[0]?.finish()
  await first
  await expect(second).rejects.toBeInstanceOf(DatabaseUnavailable)
  expect(statements).toHaveLength(1)
  saveMany(1)
  expect(statements).toHaveLength(2)
})

it('accepts no more than it can send in half of the time to the deadline', async () => {
  const { statements, saveMany } = controlled({ deadlineMs: 100, batchLimit: 2 })
  saveMany(1)
  vi.advanceTimersByTime(30)
  statements[0]?.finish()
  await turn()
  // At 30 ms each, a third statement would come after more than 50 ms.
  const saves = saveMany(6)
  expect(statements.map(({ size }) => size)).toEqual([1, 1])
  await expect(saves[5]).rejects.toBeInstanceOf(DatabaseOverloaded)
  for (const at of [1, 2, 3]) {
    statements[at]?.finish()
    await turn()
  }
  expect(await settled(saves)).toEqual([...Array(5).fill('fulfilled'), 'rejected'])
})

describe('deadlines', () => {
  const refusal = new DatabaseUnavailable('no connection')

  it('bind a statement by the latest of its times, and sending it by the earliest', async () => {
    const { statements, saveMany } = controlled({ deadlineMs: 1000 })
    saveMany(2)
    vi.advanceTimersByTime(300)
    saveMany(1)
    const now = performance.now()
    statements[0]?.finish()
    await turn()
    expect(statements[1]).toMatchObject({ size: 2, deadline: now + 1000 })
    expect(statements[1]?.sendBy).toBeLessThan(now + 700)
  })

  it('reject each time of a statement in flight alone, which others survive', async () => {
    const { statements, saveMany } = controlled({ deadlineMs: 1000 })
    const [first] = saveMany(1)
    const [old] = saveMany(1)
    vi.advanceTimersByTime(400)
    const [young] = saveMany(1)
    statements[0]?.finish()
    await first
    expect(statements[1]?.size).toBe(2)
    vi.advanceTimersByTime(600)
    await expect(old).rejects.toBeInstanceOf(WriteOutcomeUnknown)
    statements[1]?.finish()
    await young
  })

  it('allow what was not sent to be sent again, without what is late', async () => {
    const { statements, saveMany } = controlled({ deadlineMs: 1000 })
    const old = expect(saveMany(1)[0]).rejects.toMatchObject({ name: 'DatabaseUnavailable', cause: refusal })
    vi.advanceTimersByTime(500)
    const young = settled(saveMany(2))
    statements[0]?.finish(refusal)
    await vi.waitFor(() => expect(statements.map(({ size }) => size)).toEqual([1, 3]), 300_000)
    vi.advanceTimersByTime((statements[1]?.sendBy as number) - performance.now())
    statements[1]?.finish(refusal)
    await old
    await vi.waitFor(() => expect(statements.map(({ size }) => size)).toEqual([1, 3, 2]), 300_000)
    statements[2]?.finish()
    expect(await young).toEqual(['fulfilled', 'fulfilled'])
  })

  it('allow what an overloaded pool refused to be sent again, in its order and not at once', async () => {
    const { batcher, statements } = controlled()
    const stored: string[] = []
    const save = (name: string) => batcher.save(new Date()).then(() => stored.push(name))
    const saves = ['a', 'b', 'c'].map(save)
    statements[0]?.finish(new DatabaseOverloaded('the queue is full'))
    await turn()
    expect(statements).toHaveLength(1)
    await vi.waitFor(() => expect(statements).toHaveLength(2), 300_000)
    statements[1]?.finish()
    await Promise.all(saves)
    expect([statements[1]?.size, stored]).toEqual([3, ['a', 'b', 'c']])
  })
})

describe('flush', () => {
  it('resolves when all calls are settled', async () => {
    const { batcher, statements, saveMany } = controlled()
    saveMany(3)
    let flushed = false
    const flush = batcher.flush().then(() => {
      flushed = true
    })
    statements[0]?.finish()
    await turn()
    expect(flushed).toBe(false)
    statements[1]?.finish()
    await flush
    await batcher.flush()
  })

  it('resolves also when the last ones are refused at their deadline', async () => {
    const { batcher, statements, saveMany } = controlled({ deadlineMs: 5 })
    const saves = settled(saveMany(2))
    const flush = batcher.flush()
    vi.advanceTimersByTime(10)
    statements[0]?.finish()
    await flush
    expect(await saves).toEqual(['rejected', 'rejected'])
  })
})

it('publishes each batch with the very objects that were saved', async () => {
  const { batcher, statements } = controlled()
  const batches: Batch[] = []
  const subscriber = (message: unknown) => batches.push(message as Batch)
  batchChannel.start.subscribe(subscriber)
  try {
    const times = [new Date(1), new Date(2), new Date(3)]
    const saves = times.map((time) => batcher.save(time))
    statements[0]?.finish()
    await turn()
    statements[1]?.finish()
    await Promise.all(saves)
    const items = batches.map((batch) => batch.items)
    expect(items.map((each) => each.length)).toEqual([1, 2])
    for (const [at, item] of items.flat().entries()) expect(item).toBe(times[at])
  } finally {
    batchChannel.start.unsubscribe(subscriber)
  }
})
