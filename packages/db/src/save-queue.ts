import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import { DatabaseOverloaded, DatabaseUnavailable } from './errors.ts'

/** The message of {@link batchChannel}. */
export interface Batch {
  /** The very objects that {@link SaveQueue.save} was given. */
  readonly times: readonly Date[]
}

/** Tells of each INSERT, when it starts and how it ends; its message is a {@link Batch}. */
export const batchChannel: TracingChannel<Batch, unknown> = tracingChannel<Batch, unknown>('three-tier:db:batch')

/** What the queue needs to know. Times are in milliseconds. */
export interface SaveQueueOptions {
  /** Stores the times in one transaction: all of them are committed when it resolves. */
  readonly insert: (times: readonly Date[], deadline: number) => Promise<void>
  /** The most times in one statement; 1 gives every time a statement of its own. */
  readonly batchLimit: number
  /** The most statements under way at a time. */
  readonly concurrency: number
  /** The most times waiting; a further one is refused at once. */
  readonly queueLimit: number
  /** From being asked to being answered. What would have to wait for half of it is refused at once. */
  readonly deadlineMs: number
}

/** See {@link createSaveQueue}. */
export interface SaveQueue {
  /** Resolves when `time` is committed. */
  save(time: Date): Promise<void>
  /** How many times wait for a statement. */
  waiting(): number
  /** Waits until everything asked for so far is answered. */
  flush(): Promise<void>
}

interface Entry {
  readonly time: Date
  readonly deadline: number
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

/**
 * Lets concurrent saves share statements, and so the commits, which are what a write costs. There is no timer: a lone
 * save goes at once, and what arrives while the statements under way are busy shares the next one.
 * An error rejects exactly the saves of its statement.
 */
export function createSaveQueue(options: SaveQueueOptions): SaveQueue {
  const { insert, batchLimit, concurrency, queueLimit, deadlineMs } = options
  const waiting: Entry[] = []
  let underWay = 0
  /** How long the last statement took that succeeded. */
  let lastMs = 0
  const whenEmpty: (() => void)[] = []

  function save(time: Date): Promise<void> {
    if (waiting.length >= queueLimit) return Promise.reject(new DatabaseOverloaded(`${queueLimit} saves are waiting`))
    // What is waiting already, in whole statements. A longer queue would end up serving those who are about to give up.
    const waitMs = (Math.floor(waiting.length / batchLimit) * lastMs) / concurrency
    if (waitMs > deadlineMs / 2)
      return Promise.reject(new DatabaseOverloaded(`saves wait for ${Math.round(waitMs)} ms`))
    return new Promise((done, failed) => {
      waiting.push({ time, deadline: performance.now() + deadlineMs, done, failed })
      if (underWay < concurrency) void sendNext()
    })
  }

  async function sendNext(): Promise<void> {
    const batch = takeBatch()
    const first = batch[0]
    if (first === undefined) return tellIfEmpty()
    underWay += 1
    const startedAt = performance.now()
    try {
      // The first has waited longest: its deadline binds the statement.
      const times = batch.map((entry) => entry.time)
      await batchChannel.tracePromise(() => insert(times, first.deadline), { times })
      lastMs = performance.now() - startedAt
      for (const entry of batch) entry.done()
    } catch (error) {
      for (const entry of batch) entry.failed(error)
    }
    underWay -= 1
    if (waiting.length > 0) void sendNext()
    else tellIfEmpty()
  }

  function tellIfEmpty(): void {
    if (underWay === 0 && waiting.length === 0) for (const resolve of whenEmpty.splice(0)) resolve()
  }

  /**
   * The next batch, without those that have less time left than a statement takes: nothing of theirs was sent. Sent, they
   * would be stored for nobody, and their statement would be given up together with its connection. Who has half of the
   * time left is always sent, so that one slow statement does not refuse all that follow.
   */
  function takeBatch(): Entry[] {
    const enough = performance.now() + Math.min(lastMs, deadlineMs / 2)
    const late = waiting.findIndex((entry) => entry.deadline > enough)
    const expired = waiting.splice(0, late < 0 ? waiting.length : late)
    for (const entry of expired) entry.failed(new DatabaseUnavailable('not sent in time'))
    return waiting.splice(0, batchLimit)
  }

  function flush(): Promise<void> {
    if (waiting.length === 0 && underWay === 0) return Promise.resolve()
    return new Promise((resolve) => whenEmpty.push(resolve))
  }

  return { save, waiting: () => waiting.length, flush }
}
