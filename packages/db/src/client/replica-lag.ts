import { AsyncLocalStorage } from 'node:async_hooks'

/** A beat of the heartbeat table. */
export interface Beat {
  /** Grows by one with each beat. */
  readonly number: number
  /** How long ago it was made. */
  readonly ageMs: number
}

/** Options of {@link createReplicaLag}. */
export interface ReplicaLagOptions {
  /** Gives the newest beat of the writer, and makes another one if it is as old as the interval. */
  readonly beat: () => Promise<Beat>
  /** The newest beat that the reader has. */
  readonly replicated: () => Promise<Beat>
  readonly intervalMs: number
}

/** See {@link createReplicaLag}. */
export interface ReplicaLag {
  /** For how long the reader has lacked a beat that the writer had; 0 if it lacked none when measured last. */
  ms(): number
  /**
   * To be called with each use of the database: measures for as long as the calls go on.
   *
   * @returns after a rest, what a read waits for until the lag is known, for half an interval at most.
   */
  touch(): Promise<void> | undefined
  stop(): void
}

/**
 * Measures how far the reader is behind by a row alone, the heartbeat: the application has no right to look at the
 * replication, and Aurora's readers have no GTIDs. Measures at intervals while the database is in use, five times as
 * often while the reader lacks a beat, so that it is used again soon after it has caught up.
 *
 * A known lag ends only when the reader is seen to have caught up. While the writer does not answer, a reader that
 * lacked nothing counts as up to date.
 */
export function createReplicaLag({ beat, replicated, intervalMs }: ReplicaLagOptions): ReplicaLag {
  /** Beats that the reader was not seen to have, oldest first. */
  let pending: { readonly number: number; readonly madeAt: number }[] = []
  let lackingSince: number | undefined
  let measuring = false
  /** True once measured since the last rest. */
  let continuous = false
  let ticks = 0
  let used = false
  let timer: NodeJS.Timeout | undefined
  let known: Promise<void> | undefined

  // Not in the context of the request that happened to start it.
  const measure = AsyncLocalStorage.bind(async () => {
    if (measuring) return
    measuring = true
    const [newest, reached] = await Promise.all([
      beat().catch(() => undefined),
      // A reader that does not answer lacks what it lacked.
      replicated().catch(() => ({ number: 0, ageMs: 0 })),
    ])
    measuring = false
    pending = pending.filter(({ number }) => number > reached.number)
    if (newest !== undefined) {
      // Fewer beats than before: the table was restored to an earlier state.
      pending = pending.filter(({ number }) => number <= newest.number)
      if (newest.number > Math.max(reached.number, pending.at(-1)?.number ?? 0)) {
        // After a rest it is not known when the beats between the two were made: later than the one that the reader has.
        const ageMs = continuous ? newest.ageMs : Math.max(newest.ageMs, reached.ageMs)
        pending.push({ number: newest.number, madeAt: performance.now() - ageMs })
        // The oldest says how far behind; some younger ones say how far it has come, when it catches up.
        if (pending.length > 60) pending.splice(1, 1)
      }
      continuous = true
    }
    // A young beat may still be on its way.
    const [oldest] = pending
    lackingSince = oldest && performance.now() - oldest.madeAt >= intervalMs / 2 ? oldest.madeAt : undefined
  })

  /** Runs five times per interval. */
  function tick(): void {
    ticks = (ticks + 1) % 5
    const complete = ticks === 0
    if (complete && !used) stop()
    else if (complete || lackingSince !== undefined) void measure()
    if (complete) used = false
  }

  function touch(): Promise<void> | undefined {
    used = true
    if (timer !== undefined) return known
    timer = setInterval(tick, intervalMs / 5).unref()
    ticks = 0
    const expiry = new Promise<void>((resolve) => setTimeout(resolve, intervalMs / 2).unref())
    known = Promise.race([measure(), expiry]).finally(() => {
      known = undefined
    })
    return known
  }

  function stop(): void {
    clearInterval(timer)
    timer = undefined
    continuous = false
  }

  const ms = () => (lackingSince === undefined ? 0 : performance.now() - lackingSince)
  return { ms, touch, stop }
}
