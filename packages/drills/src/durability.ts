import type { Attempt } from './load.ts'
import type { Interval } from './workload.ts'

/** The stored rows compared with the attempts. */
export interface DurabilityResult {
  readonly attempted: number
  readonly acknowledged: number
  readonly stored: number
  /** Acknowledged writes without a row. */
  readonly lost: number
  /** Rows without a request: a second row of one request, or a row that no request stored. */
  readonly surplus: number
  /** How far counts of rows are from the rows; undefined if the workload has no counts. */
  readonly miscounted?: number
}

// A request without an answer may still be on its way through the tiers for this long.
const inTransitMs = 30_000

/**
 * Proves acknowledged ⊆ stored ⊆ attempted without duplicates, as far as that can be proved without a mark in the row:
 * a row has the time at which its request reached the app, which lies between the request's sending and its end, and
 * within what was acknowledged.
 *
 * Each acknowledged write must have a row of its own within its interval (lost: those that have none), and each row a
 * request of its own (surplus: those that have none). When both hold, one assignment of rows to requests satisfies both
 * at once (Mendelsohn and Dulmage, 1958). Not detected: a surplus row within the interval of a request that was refused
 * and not stored.
 *
 * @param stored each row's time in milliseconds since 1970.
 */
export function verifyDurability(attempts: readonly Attempt[], stored: readonly number[]): DurabilityResult {
  const writes = attempts.filter(({ kind }) => kind === 'write')
  const acknowledged = writes.filter(({ outcome }) => outcome === 'succeeded')
  return {
    attempted: writes.length,
    acknowledged: acknowledged.length,
    stored: stored.length,
    lost: acknowledged.length - countMatches(acknowledged.map(storedWithin), stored),
    surplus: stored.length - countMatches(writes.map(storedWithin), stored),
  }
}

/**
 * How many acknowledged writes have no row of their own in a list.
 *
 * @param listed the latest time that each row can have, in milliseconds since 1970.
 */
export function listedMissing(attempts: readonly Attempt[], listed: readonly number[]): number {
  const acknowledged = attempts.flatMap(({ acknowledged }) => (acknowledged ? [acknowledged] : []))
  return acknowledged.length - countMatches(acknowledged, listed)
}

/**
 * How many rows of a list have no request of their own.
 *
 * @param unanswered when each further write was sent, which may have been carried out since.
 * @param listed as for {@link listedMissing}: up to a second after the row's own time.
 */
export function listedSurplus(
  attempts: readonly Attempt[],
  unanswered: readonly number[],
  listed: readonly number[],
): number {
  const writes = attempts.filter(({ kind }) => kind === 'write').map(storedWithin)
  const open = unanswered.map((from) => ({ from, to: Number.POSITIVE_INFINITY }))
  const intervals = [...writes, ...open].map(({ from, to }) => ({ from, to: to + 999 }))
  return listed.length - countMatches(intervals, listed)
}

function storedWithin({ outcome, acknowledged, sentAt, endedAt }: Attempt): Interval {
  if (outcome === 'unanswered') return { from: sentAt, to: endedAt + inTransitMs }
  if (acknowledged === undefined) return { from: sentAt, to: endedAt }
  return { from: Math.max(sentAt, acknowledged.from), to: Math.min(endedAt, acknowledged.to) }
}

/** The largest number of pairs of an interval and a point within it: each point takes the interval that ends first. */
function countMatches(intervals: readonly Interval[], points: readonly number[]): number {
  const byStart = intervals.toSorted((a, b) => a.from - b.from)
  // Few intervals are open at a time, so a sorted array is enough for a queue.
  const open: number[] = []
  let next = 0
  let pairs = 0
  for (const point of points.toSorted((a, b) => a - b)) {
    for (let interval = byStart[next]; interval && interval.from <= point; interval = byStart[++next]) {
      insertSorted(open, interval.to)
    }
    while (open[0] !== undefined && open[0] < point) open.shift()
    if (open.shift() !== undefined) pairs += 1
  }
  return pairs
}

function insertSorted(sorted: number[], value: number): void {
  const index = sorted.findLastIndex((other) => other <= value)
  sorted.splice(index + 1, 0, value)
}
