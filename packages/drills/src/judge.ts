import type { Attempt } from './load.ts'

/** What the database holds, held against what the clients were told. */
export interface Verdict {
  readonly attempted: number
  readonly acked: number
  readonly stored: number
  /** Acknowledged writes that have no row. */
  readonly lost: number
  /** Rows that no request accounts for: a second row of one request, or a row without any. */
  readonly surplus: number
}

interface Span {
  readonly from: number
  readonly to: number
}

// A request that got no answer may still be on its way through the tiers for this long.
const lateMs = 30_000

/**
 * Proves acked ⊆ stored ⊆ attempted without doubles, as far as it can be proved without a mark in the row: a row
 * bears the time at which its request reached the application, and that lies between the request's sending and its
 * end, within the second that was acknowledged.
 *
 * Each acknowledged write must find a row of its own in its span (lost: those that cannot), and each row a request
 * of its own (surplus: those that cannot). When both hold, one assignment of rows to requests satisfies both at once
 * (Mendelsohn and Dulmage, 1958). What escapes: a surplus row within the span of a request that was refused and
 * not stored.
 *
 * @param stored when each row's request arrived, milliseconds since 1970.
 */
export function judge(attempts: readonly Attempt[], stored: readonly number[]): Verdict {
  const writes = attempts.filter(({ kind }) => kind === 'write')
  const acked = writes.filter(({ outcome }) => outcome === 'acked')
  const covered = matched(acked.map(span), stored)
  const explained = matched(writes.map(span), stored)
  return {
    attempted: writes.length,
    acked: acked.length,
    stored: stored.length,
    lost: acked.length - covered,
    surplus: stored.length - explained,
  }
}

function span({ outcome, detail, sentAt, endedAt }: Attempt): Span {
  if (outcome === 'refused') return { from: sentAt, to: endedAt }
  if (outcome === 'open') return { from: sentAt, to: endedAt + lateMs }
  const second = Date.parse(`${detail.replace(' ', 'T')}Z`)
  return { from: Math.max(sentAt, second), to: Math.min(endedAt, second + 999) }
}

/** The most pairs of a span and a point within it: points in order, each to the open span that ends first. */
function matched(spans: readonly Span[], points: readonly number[]): number {
  const byStart = spans.toSorted((a, b) => a.from - b.from)
  // Few spans are open at a time, so a sorted array does for a queue.
  const open: number[] = []
  let next = 0
  let pairs = 0
  for (const point of points.toSorted((a, b) => a - b)) {
    for (let span = byStart[next]; span && span.from <= point; span = byStart[++next]) insert(open, span.to)
    while (open[0] !== undefined && open[0] < point) open.shift()
    if (open.shift() !== undefined) pairs += 1
  }
  return pairs
}

function insert(sorted: number[], value: number): void {
  const at = sorted.findLastIndex((other) => other <= value)
  sorted.splice(at + 1, 0, value)
}
