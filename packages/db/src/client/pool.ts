import type { Connection } from './connection.ts'
import { DatabaseError, DatabaseOverloaded, DatabaseTimeout, DatabaseUnavailable } from './errors.ts'

/** Options of {@link createPool}. Times are in milliseconds. */
export interface PoolOptions {
  /** Names the endpoint in errors. */
  readonly name: string
  /** Opens a connection that is fit for use, or throws. */
  readonly open: () => Promise<Connection>
  /** The most connections at a time. */
  readonly limit: number
  /** The most callers waiting for a connection; a further one is refused at once. */
  readonly queueLimit: number
  /**
   * A connection older than this is not used again, so that connections follow moved names and spread over servers. An
   * idle one ends within one and a half times of it.
   */
  readonly maxLifetimeMs: number
  /**
   * A connection that was idle for this long is not used again; it ends within one and a half times of it. The server
   * ends those that are idle for longer, since their client may be gone.
   */
  readonly maxIdleMs: number
  /**
   * True for an error that every other connection of the same age would get too: all of them are dropped, idle ones at
   * once, busy ones when they are released. @default never
   */
  readonly evictAfter?: (error: unknown) => boolean
  /** Shared by the pools of an endpoint: what one evicts, all of them evict. @default the pool's own */
  readonly generation?: Generation
}

/** The number of the connections' current generation; those of an earlier one are not used again. */
interface Generation {
  current: number
}

/**
 * A bounded set of connections to one endpoint. mysql2's own pool has no acquire deadline and no maximum lifetime, and
 * drops only the one connection that a demoted writer refused.
 */
export interface Pool {
  /**
   * Runs `work` on a connection that nobody else uses meanwhile. Waiting for the connection and the work together end
   * by `deadline` (as `performance.now()`); a connection whose work missed it is destroyed.
   *
   * @param startBy `work` does not begin later. @default the deadline
   * @throws {DatabaseUnavailable} when the endpoint cannot be reached, the connection broke or the deadline passed.
   * @throws {DatabaseOverloaded} when too many are waiting, or only others got a connection in time.
   * @throws whatever else `work` throws.
   */
  use<T>(deadline: number, work: (connection: Connection) => Promise<T>, startBy?: number): Promise<T>
  state(): PoolState
  /** Waits for the work in flight, then ends the connections. Further work is refused. */
  close(): Promise<void>
}

/** The current state of a pool. */
export interface PoolState {
  readonly idle: number
  readonly busy: number
  /** Callers that wait for a connection. */
  readonly waiting: number
  /** True from an attempt to connect that failed to one that did not. */
  readonly failing: boolean
  /** How often all connections were dropped, since start. */
  readonly evictions: number
}

interface Slot {
  readonly connection: Connection
  readonly generation: number
  readonly expiresAt: number
  releasedAt: number
  /** True after the connection ended by itself. */
  ended: boolean
}

interface Waiter {
  take(slot: Slot): void
  fail(error: Error): void
}

/** See {@link Pool}. Opens nothing before the first use. */
export function createPool(options: PoolOptions): Pool {
  const { name, open, limit, queueLimit, maxLifetimeMs, maxIdleMs } = options
  const { evictAfter = () => false, generation = { current: 0 } } = options
  const idle: Slot[] = []
  const busy = new Set<Slot>()
  const waiters = new Set<Waiter>()
  let opening = 0
  let failures = 0
  let retryTimer: NodeJS.Timeout | undefined
  /** Why the last attempt to connect failed; undefined if it did not. */
  let lastFailure: unknown
  /** When the endpoint was last seen to be well. */
  let lastReleaseAt = 0
  let closing: Promise<void> | undefined
  let whenUnused: (() => void) | undefined

  const sweep = setInterval(() => {
    for (const slot of idle.filter((slot) => !isFresh(slot))) discard(slot)
  }, Math.min(maxLifetimeMs, maxIdleMs) / 2).unref()

  function isFresh(slot: Slot): boolean {
    const now = performance.now()
    return (
      !slot.ended && slot.generation === generation.current && slot.expiresAt > now && slot.releasedAt + maxIdleMs > now
    )
  }

  /** Opens connections while callers wait for more of them than are being opened. */
  function grow(): void {
    if (retryTimer !== undefined || closing) return
    // While the endpoint is unavailable, one attempt at a time is enough to find out that it has recovered.
    const wanted = failures > 0 ? Math.min(1, waiters.size) : waiters.size
    while (opening < Math.min(wanted, limit - idle.length - busy.size)) void openOne()
  }

  async function openOne(): Promise<void> {
    opening += 1
    const openedFor = generation.current
    try {
      const connection = await open()
      const now = performance.now()
      const expiresAt = now + maxLifetimeMs * (0.9 + 0.2 * Math.random())
      const slot: Slot = { connection, generation: openedFor, expiresAt, releasedAt: now, ended: false }
      const onEnd = () => {
        slot.ended = true
        discard(slot)
      }
      connection.once('error', onEnd)
      connection.once('end', onEnd)
      opening -= 1
      failures = 0
      lastFailure = undefined
      release(slot)
    } catch (error) {
      opening -= 1
      failures += 1
      lastFailure = error
      retryLater()
    }
    settle()
    grow()
  }

  function retryLater(): void {
    if (retryTimer !== undefined || closing) return
    // Full jitter, at most a fifth of a second: instances must not reconnect in step, nor late.
    const delayMs = Math.random() * Math.min(200, 25 * 2 ** failures)
    retryTimer = setTimeout(() => {
      retryTimer = undefined
      grow()
    }, delayMs)
  }

  function release(slot: Slot): void {
    slot.releasedAt = lastReleaseAt = performance.now()
    if (closing) slot.connection.end()
    else if (!isFresh(slot)) slot.connection.destroy()
    else {
      const [next] = waiters
      if (next) next.take(slot)
      else idle.push(slot)
    }
  }

  function discard(slot: Slot): void {
    const at = idle.indexOf(slot)
    if (at >= 0) idle.splice(at, 1)
    slot.connection.destroy()
  }

  function acquire(deadline: number): Promise<Slot> {
    if (closing) return Promise.reject(new DatabaseUnavailable(`${name}: closed`))
    if (deadline <= performance.now()) return Promise.reject(new DatabaseTimeout(`${name}: deadline exceeded`))
    for (let slot = idle.pop(); slot; slot = idle.pop()) {
      if (isFresh(slot)) {
        busy.add(slot)
        return Promise.resolve(slot)
      }
      slot.connection.destroy()
    }
    if (waiters.size >= queueLimit) {
      return Promise.reject(new DatabaseOverloaded(`${name}: ${queueLimit} callers are waiting for a connection`))
    }
    return new Promise((resolve, reject) => {
      const since = performance.now()
      const waiter: Waiter = {
        take(slot) {
          stopWaiting()
          busy.add(slot)
          resolve(slot)
        },
        fail(error) {
          stopWaiting()
          reject(error)
        },
      }
      const timer = setTimeout(() => waiter.fail(noConnection(since)), deadline - since)
      const stopWaiting = () => {
        clearTimeout(timer)
        waiters.delete(waiter)
      }
      waiters.add(waiter)
      grow()
    })
  }

  /** Why a caller that has waited since then got no connection. */
  function noConnection(since: number): Error {
    if (lastReleaseAt > since) return new DatabaseOverloaded(`${name}: no connection was free in time`)
    if (busy.size > 0) return new DatabaseTimeout(`${name}: no connection was free in time`, { cause: lastFailure })
    return new DatabaseUnavailable(`${name}: no connection`, { cause: lastFailure })
  }

  async function use<T>(
    deadline: number,
    work: (connection: Connection) => Promise<T>,
    startBy = deadline,
  ): Promise<T> {
    const slot = await acquire(startBy)
    let timer: NodeJS.Timeout | undefined
    let broken = false
    try {
      // A busy event loop may be late.
      if (startBy <= performance.now()) throw new DatabaseTimeout(`${name}: deadline exceeded`)
      broken = true
      const expiry = new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => reject(new DatabaseTimeout(`${name}: deadline exceeded`)),
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
      // Connections opened since lead elsewhere already.
      if (slot.generation === generation.current && evictAfter(error)) evict()
      throw error
    } finally {
      clearTimeout(timer)
      if (broken) slot.connection.destroy()
      busy.delete(slot)
      if (!broken) release(slot)
      settle()
      grow()
    }
  }

  function evict(): void {
    generation.current += 1
    for (const slot of idle.splice(0)) slot.connection.destroy()
  }

  function settle(): void {
    if (busy.size === 0 && opening === 0) whenUnused?.()
  }

  function close(): Promise<void> {
    closing ??= new Promise<void>((resolve) => {
      whenUnused = resolve
    }).then(() => {
      for (const slot of idle.splice(0)) slot.connection.end()
    })
    clearTimeout(retryTimer)
    clearInterval(sweep)
    for (const waiter of waiters) waiter.fail(new DatabaseUnavailable(`${name}: closed`))
    settle()
    return closing
  }

  const state = (): PoolState => ({
    idle: idle.length,
    busy: busy.size,
    waiting: waiters.size,
    failing: failures > 0,
    evictions: generation.current,
  })

  return { use, state, close }
}

// ER_SERVER_SHUTDOWN, ER_FORCING_CLOSE, ER_QUERY_INTERRUPTED, ER_CLIENT_INTERACTION_TIMEOUT: the server announces that
// it ends the connection.
const shutdownErrorCodes = new Set([1053, 1080, 1317, 4031])

/** True after an error that ends the connection; the driver marks those without an announcement as fatal. */
function isConnectionLoss(error: unknown): boolean {
  return error instanceof DatabaseError && (error.fatal || shutdownErrorCodes.has(error.errno ?? 0))
}
