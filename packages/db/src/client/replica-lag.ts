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
 * After a restore the writer has fewer beats than a reader that has not applied it. Such a reader lacks everything since
 * the newest beat that it has.
 *
 * A known lag ends only when the reader is seen to have caught up. While the writer does not answer, a reader that
 * lacked nothing counts as up to date.
 */
export function createReplicaLag({ beat, replicated, intervalMs }: ReplicaLagOptions): ReplicaLag {
  /** Beats that the reader was not seen to have, oldest first. */
  let pending: { readonly number: number; readonly madeAt: number }[] = []
  let lackingSince: number | undefined
  /** The reader has beats that the writer no longer has: it has not applied that the database was restored. */
  let ahead: { readonly number: number; readonly since: number } | undefined
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
    // A reader that does not answer lacks what it lacked.
    const [first, reached] = await Promise.all([beat().catch(nothing), replicated().catch(nothing)])
    // A healthy reader may get another beat meanwhile. It has none that the writer does not have afterwards.
    const isAhead = first !== undefined && reached !== undefined && reached.number > first.number
    const newest = isAhead ? await beat().catch(nothing) : first
    measuring = false
    if (reached !== undefined) ahead = stillAhead(reached, newest)
    const has = ahead ? -1 : (reached?.number ?? 0)
    pending = pending.filter(({ number }) => number > has)
    if (newest !== undefined) {
      // Fewer beats than before: the table was restored to an earlier state.
      pending = pending.filter(({ number }) => number <= newest.number)
      if (newest.number > Math.max(has, pending.at(-1)?.number ?? -1)) {
        // After a rest or a restore it is not known when the beats between the two were made: later than the one that the
        // reader has.
        const isKnown = continuous && !(ahead && pending.length === 0)
        const ageMs = isKnown ? newest.ageMs : Math.max(newest.ageMs, reached?.ageMs ?? 0)
        // It is negative if the clock was set back since.
        pending.push({ number: newest.number, madeAt: performance.now() - Math.max(0, ageMs) })
        // The oldest says how far behind; some younger ones say how far it has come, when it catches up.
        if (pending.length > 60) pending.splice(1, 1)
      }
      continuous = true
    }
    // A young beat may still be on its way.
    const [oldest] = pending
    lackingSince = oldest && performance.now() - oldest.madeAt >= intervalMs / 2 ? oldest.madeAt : undefined
  })

  /** Every beat from before the restore is older than when the reader was first seen to be ahead. */
  function stillAhead({ number, ageMs }: Beat, newest: Beat | undefined): typeof ahead {
    if (newest !== undefined && number > newest.number) return { number, since: ahead?.since ?? performance.now() }
    const hasApplied = ahead && (number < ahead.number || performance.now() - ageMs > ahead.since)
    return hasApplied ? undefined : ahead
  }

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

const nothing = () => undefined
