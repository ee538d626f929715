import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import { setTimeout as delay } from 'node:timers/promises'
import { DatabaseOverloaded, DatabaseUnavailable, WriteOutcomeUnknown } from '@repo/db'

/** The message of {@link batchChannel}. */
export interface Batch {
  /** The very objects that {@link WriteBatcher.save} was given. */
  readonly items: readonly object[]
}

/** Publishes each INSERT, when it starts and when it ends; its message is a {@link Batch}. */
export const batchChannel: TracingChannel<Batch, unknown> = tracingChannel<Batch, unknown>('app:batch')

/** Options of {@link createWriteBatcher}. Times are in milliseconds. */
export interface WriteBatcherOptions<Item, Result> {
  /**
   * Stores the items in one transaction, which is committed when it resolves: with the result of each, or the error that
   * only it gets.
   *
   * @throws {DatabaseUnavailable} none of them was sent, because that was not possible by `sendBy`.
   * @throws {DatabaseOverloaded} likewise.
   */
  readonly insert: (
    items: readonly Item[],
    limits: { sendBy: number; deadline: number },
  ) => Promise<readonly (Result | Error)[]>
  /** The most items in one statement; 1 gives every item a statement of its own. */
  readonly batchLimit: number
  /** The most statements in flight. */
  readonly concurrency: number
  /** The most items waiting; a further one is refused at once. */
  readonly queueLimit: number
  /** From a call to its deadline. An item that would have to wait for half of it is refused at once. */
  readonly deadlineMs: number
}

/** See {@link createWriteBatcher}. */
export interface WriteBatcher<Item, Result> {
  /** Resolves when `item` is committed. */
  save(item: Item): Promise<Result>
  /** How many items wait for a statement. */
  waiting(): number
  /** Resolves when all calls so far are settled. */
  flush(): Promise<void>
}

interface Entry<Item, Result> {
  readonly item: Item
  readonly deadline: number
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/** How long to wait before a batch that could not be sent is tried again. */
const retryMs = 10

/**
 * Lets concurrent saves share statements, and so the commits, which are what a write costs. Nothing waits for a batch to
 * fill: a lone save is sent at once, and those that arrive while the statements in flight are busy share the next one.
 *
 * Each save has its own deadline. What could not be sent is sent again, without those that are late. An error of a
 * statement that was sent rejects exactly its saves, of which one that is late is rejected alone.
 */
export function createWriteBatcher<Item extends object, Result>(
  options: WriteBatcherOptions<Item, Result>,
): WriteBatcher<Item, Result> {
  const { insert, batchLimit, concurrency, queueLimit, deadlineMs } = options
  /** Shorter than this before a deadline nothing is sent, so that what is rejected at its deadline was sent. */
  const marginMs = deadlineMs / 100
  const queue: Entry<Item, Result>[] = []
  let inFlight = 0
  /** How long the last successful statement took. */
  let lastMs = 0
  /** Why the last batch could not be sent; undefined if it was. */
  let lastRefusal: unknown
  const flushed: (() => void)[] = []

  function save(item: Item): Promise<Result> {
    if (queue.length >= queueLimit) return Promise.reject(new DatabaseOverloaded(`${queueLimit} saves are waiting`))
    // For the complete batches in the queue. A longer queue would serve mostly those whose deadline is about to pass.
    const waitMs = (Math.floor(queue.length / batchLimit) * lastMs) / concurrency
    if (waitMs > deadlineMs / 2) {
      return Promise.reject(new DatabaseOverloaded(`saves wait for ${Math.round(waitMs)} ms`))
    }
    return new Promise((resolve, reject) => {
      queue.push({ item, deadline: performance.now() + deadlineMs, resolve, reject })
      if (inFlight < concurrency) void sendNext()
    })
  }

  async function sendNext(): Promise<void> {
    const batch = takeBatch()
    const [first, last] = [batch[0], batch.at(-1)]
    if (first === undefined || last === undefined) return resolveFlushed()
    inFlight += 1
    const startedAt = performance.now()
    const stopRejecting = rejectLate(batch)
    try {
      const items = batch.map((entry) => entry.item)
      // The first has waited longest, the last has the latest deadline.
      const limits = { sendBy: first.deadline - marginMs, deadline: last.deadline }
      const results = await batchChannel.tracePromise(() => insert(items, limits), { items })
      stopRejecting()
      lastMs = performance.now() - startedAt
      lastRefusal = undefined
      for (const [at, entry] of batch.entries()) settle(entry, results[at] as Result | Error)
    } catch (error) {
      stopRejecting()
      if (error instanceof DatabaseUnavailable || error instanceof DatabaseOverloaded) {
        lastRefusal = error
        queue.unshift(...batch)
        await delay(retryMs)
      } else {
        for (const entry of batch) entry.reject(error)
      }
    }
    inFlight -= 1
    if (queue.length > 0) void sendNext()
    else resolveFlushed()
  }

  /** Rejects each save of a statement in flight at its own deadline; the others wait on. */
  function rejectLate(batch: readonly Entry<Item, Result>[]): () => void {
    let timer: NodeJS.Timeout | undefined
    let rejected = 0
    const rejectNext = () => {
      const now = performance.now()
      for (const entry of batch.slice(rejected)) {
        if (entry.deadline > now) {
          timer = setTimeout(rejectNext, Math.ceil(entry.deadline - now))
          return
        }
        entry.reject(new WriteOutcomeUnknown('no answer in time'))
        rejected += 1
      }
    }
    rejectNext()
    return () => clearTimeout(timer)
  }

  function resolveFlushed(): void {
    if (inFlight === 0 && queue.length === 0) for (const resolve of flushed.splice(0)) resolve()
  }

  /**
   * The next batch, without those that have less time left than a statement takes. They were not sent; sent, they would
   * be stored after their caller was refused. Those with half of the time left are always sent, so that one slow
   * statement does not refuse all that follow.
   */
  function takeBatch(): Entry<Item, Result>[] {
    const enough = performance.now() + Math.max(marginMs, Math.min(lastMs, deadlineMs / 2))
    const firstInTime = queue.findIndex((entry) => entry.deadline > enough)
    const expired = queue.splice(0, firstInTime < 0 ? queue.length : firstInTime)
    for (const entry of expired) entry.reject(new DatabaseUnavailable('not sent in time', { cause: lastRefusal }))
    return queue.splice(0, batchLimit)
  }

  function flush(): Promise<void> {
    if (queue.length === 0 && inFlight === 0) return Promise.resolve()
    return new Promise((resolve) => flushed.push(resolve))
  }

  return { save, waiting: () => queue.length, flush }
}

function settle<Result>({ resolve, reject }: Entry<unknown, Result>, result: Result | Error): void {
  if (result instanceof Error) reject(result)
  else resolve(result)
}
