import type { Connection } from 'mysql2'
import { DatabaseOverloaded, DatabaseUnavailable } from './errors.ts'

/** What a pool needs to know. Times are in milliseconds. */
export interface PoolOptions {
  /** Names the endpoint in errors. */
  readonly name: string
  /** Opens a connection that is fit for use, or throws. */
  readonly open: () => Promise<Connection>
  /** The most connections at a time. */
  readonly limit: number
  /** The most callers waiting for one; a further one is refused at once. */
  readonly queueLimit: number
  /**
   * A connection older than this is not used again, so that connections follow moved names and spread over servers. An
   * idle one ends within one and a half times of it.
   */
  readonly maxAgeMs: number
}

/**
 * A bounded set of connections to one endpoint. mysql2's own pool has no acquire deadline, no maximum age, and drops
 * only the one connection that a demoted writer refused; hence this one.
 */
export interface Pool {
  /**
   * Runs `work` on a connection that nobody else uses meanwhile. Waiting for the connection and the work together end
   * by `deadline` (as `performance.now()`); a connection whose time ran out is destroyed, whatever the server does.
   *
   * @throws {DatabaseUnavailable} when no connection could be had, the connection broke or the time ran out.
   * @throws {DatabaseOverloaded} when too many are waiting.
   * @throws whatever else the server says of the statement.
   */
  use<T>(deadline: number, work: (connection: Connection) => Promise<T>): Promise<T>
  /** Drops every connection there is now: idle ones at once, busy ones when their work is done. */
  evict(): void
  state(): PoolState
  /** Waits for the work under way, then ends the connections. Further work is refused. */
  close(): Promise<void>
}

/** What a pool is busy with at a moment, and what has befallen it since it was made. */
export interface PoolState {
  /** Connections that nobody uses. */
  readonly idle: number
  readonly busy: number
  /** Callers that wait for a connection. */
  readonly waiting: number
  /** True from an attempt to connect that failed to one that did not. */
  readonly failing: boolean
  /** How often all connections were dropped. */
  readonly evictions: number
}

interface Slot {
  readonly connection: Connection
  readonly generation: number
  readonly expiresAt: number
}

interface Waiter {
  take(slot: Slot): void
  fail(cause: unknown): void
}

/** See {@link Pool}. Opens nothing before the first use. */
export function createPool(options: PoolOptions): Pool {
  const { name, open, limit, queueLimit, maxAgeMs } = options
  const idle: Slot[] = []
  const busy = new Set<Slot>()
  const waiters = new Set<Waiter>()
  let opening = 0
  let generation = 0
  let failures = 0
  let retryTimer: NodeJS.Timeout | undefined
  let lastFailure: unknown
  let closed = false
  let whenQuiet: (() => void) | undefined

  const sweep = setInterval(() => {
    for (const slot of idle.filter((slot) => !isFresh(slot))) discardIdle(slot)
  }, maxAgeMs / 2).unref()
  const isFresh = (slot: Slot) => slot.generation === generation && slot.expiresAt > performance.now()

  /** Opens connections while callers wait for more of them than are on their way. */
  function grow(): void {
    // While the endpoint is away one attempt at a time is enough to find out that it is back.
    const wanted = failures > 0 ? 1 : Math.min(waiters.size, limit - idle.length - busy.size)
    while (retryTimer === undefined && waiters.size > 0 && opening < wanted) void openOne()
  }

  async function openOne(): Promise<void> {
    opening += 1
    const openedFor = generation
    try {
      const connection = await open()
      const expiresAt = performance.now() + maxAgeMs * (0.9 + 0.2 * Math.random())
      const slot = { connection, generation: openedFor, expiresAt }
      // The other end hung up while nobody used it.
      connection.once('error', () => discardIdle(slot))
      connection.once('end', () => discardIdle(slot))
      opening -= 1
      failures = 0
      giveBack(slot)
    } catch (error) {
      opening -= 1
      failures += 1
      lastFailure = error
      retryLater()
    }
    if (closed) settle()
    else grow()
  }

  function retryLater(): void {
    if (retryTimer !== undefined || closed) return
    // Full jitter, at most half a second: instances must not come back in step, nor late.
    const delayMs = Math.random() * Math.min(500, 25 * 2 ** failures)
    retryTimer = setTimeout(() => {
      retryTimer = undefined
      grow()
    }, delayMs)
  }

  function giveBack(slot: Slot): void {
    if (closed) slot.connection.end()
    else if (!isFresh(slot)) slot.connection.destroy()
    else {
      const [next] = waiters
      if (next) next.take(slot)
      else idle.push(slot)
    }
  }

  function discardIdle(slot: Slot): void {
    const at = idle.indexOf(slot)
    if (at >= 0) idle.splice(at, 1)
    slot.connection.destroy()
  }

  function acquire(deadline: number): Promise<Slot> {
    if (closed) return Promise.reject(new DatabaseUnavailable(`${name}: closed`))
    for (let slot = idle.pop(); slot; slot = idle.pop()) {
      if (isFresh(slot)) {
        busy.add(slot)
        return Promise.resolve(slot)
      }
      slot.connection.destroy()
    }
    if (waiters.size >= queueLimit) {
      return Promise.reject(new DatabaseOverloaded(`${name}: ${queueLimit} are waiting for a connection`))
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        take(slot) {
          settleWaiter()
          busy.add(slot)
          resolve(slot)
        },
        fail(cause) {
          settleWaiter()
          reject(new DatabaseUnavailable(`${name}: no connection`, { cause }))
        },
      }
      const timer = setTimeout(() => waiter.fail(lastFailure), Math.max(0, deadline - performance.now()))
      const settleWaiter = () => {
        clearTimeout(timer)
        waiters.delete(waiter)
      }
      waiters.add(waiter)
      grow()
    })
  }

  async function use<T>(deadline: number, work: (connection: Connection) => Promise<T>): Promise<T> {
    const slot = await acquire(deadline)
    let timer: NodeJS.Timeout | undefined
    let broken = true
    try {
      const expiry = new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => reject(new DatabaseUnavailable(`${name}: no answer in time`)),
          Math.max(0, deadline - performance.now()),
        )
      })
      const result = await Promise.race([work(slot.connection), expiry])
      broken = false
      return result
    } catch (error) {
      if (error instanceof DatabaseUnavailable) throw error
      broken = isConnectionLoss(error)
      if (broken) throw new DatabaseUnavailable(`${name}: connection lost`, { cause: error })
      throw error
    } finally {
      clearTimeout(timer)
      busy.delete(slot)
      if (broken) slot.connection.destroy()
      else giveBack(slot)
      if (closed) settle()
      else grow()
    }
  }

  function evict(): void {
    generation += 1
    for (const slot of idle.splice(0)) slot.connection.destroy()
  }

  function settle(): void {
    if (busy.size === 0 && opening === 0) whenQuiet?.()
  }

  async function close(): Promise<void> {
    closed = true
    clearTimeout(retryTimer)
    clearInterval(sweep)
    for (const waiter of waiters) waiter.fail(new Error('closed'))
    const quiet = new Promise<void>((resolve) => {
      whenQuiet = resolve
    })
    settle()
    await quiet
    for (const slot of idle.splice(0)) slot.connection.end()
  }

  const state = (): PoolState => ({
    idle: idle.length,
    busy: busy.size,
    waiting: waiters.size,
    failing: failures > 0,
    evictions: generation,
  })

  return { use, evict, state, close }
}

// ER_SERVER_SHUTDOWN, ER_FORCING_CLOSE, ER_QUERY_INTERRUPTED, ER_CLIENT_INTERACTION_TIMEOUT: the server is about to
// leave and says so in an orderly way.
const farewells = new Set([1053, 1080, 1317, 4031])

/** Errors after which the connection is of no more use; the driver marks the abrupt ones as fatal. */
function isConnectionLoss(error: unknown): boolean {
  const { fatal, errno } = Object(error) as { fatal?: boolean; errno?: number }
  return fatal === true || farewells.has(Number(errno))
}
