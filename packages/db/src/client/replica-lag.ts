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
  /** Makes a beat on the writer unless the newest is younger than the interval; gives the newest. */
  readonly beat: () => Promise<Beat>
  /** The number of the newest beat that the reader has. */
  readonly replicated: () => Promise<number>
  readonly intervalMs: number
}

/** See {@link createReplicaLag}. */
export interface ReplicaLag {
  /** For how long the reader has lacked a beat that the writer had; 0 if it lacked none when measured last. */
  ms(): number
  /** To be called with each use of the database: measures for as long as the calls go on. */
  touch(): void
  stop(): void
}

/**
 * Measures how far the reader is behind by a row alone, the heartbeat: the application has no right to look at the
 * replication, and Aurora's readers have no GTIDs. Measures at intervals while the database is in use, five times as
 * often while the reader lacks a beat, so that it is used again soon after it has caught up. The first use after a rest
 * does not wait: it gets what was measured last and starts the next measurement.
 * While the writer does not answer, the reader counts as up to date: old rows are better than none.
 */
export function createReplicaLag({ beat, replicated, intervalMs }: ReplicaLagOptions): ReplicaLag {
  /** Beats that the reader was not seen to have, oldest first. */
  let pending: { readonly number: number; readonly madeAt: number }[] = []
  let lackingSince: number | undefined
  let measuring = false
  let ticks = 0
  let used = false
  let timer: NodeJS.Timeout | undefined

  // Not in the context of the request that happened to start it.
  const measure = AsyncLocalStorage.bind(async () => {
    if (measuring) return
    measuring = true
    // A reader that does not answer lacks what it lacked.
    const [newest, reached] = await Promise.all([beat().catch(() => undefined), replicated().catch(() => 0)])
    measuring = false
    // Fewer beats than before: the table was restored to an earlier state.
    pending = newest === undefined ? [] : pending.filter(({ number }) => number > reached && number <= newest.number)
    // The beats of earlier measurements alone: the newest one may still be on its way.
    lackingSince = pending[0]?.madeAt
    if (newest === undefined || newest.number <= Math.max(reached, pending.at(-1)?.number ?? 0)) return
    pending.push({ number: newest.number, madeAt: performance.now() - newest.ageMs })
    // The oldest says how far behind; some younger ones say how far it has come, when it catches up.
    if (pending.length > 60) pending.splice(1, 1)
  })

  /** Runs five times per interval. */
  function tick(): void {
    ticks = (ticks + 1) % 5
    const complete = ticks === 0
    if (complete && !used) stop()
    else if (complete || lackingSince !== undefined) void measure()
    if (complete) used = false
  }

  function touch(): void {
    used = true
    if (timer !== undefined) return
    timer = setInterval(tick, intervalMs / 5).unref()
    ticks = 0
    void measure()
  }

  function stop(): void {
    clearInterval(timer)
    timer = undefined
  }

  const ms = () => (lackingSince === undefined ? 0 : performance.now() - lackingSince)
  return { ms, touch, stop }
}
