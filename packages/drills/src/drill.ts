import type { Arena } from './arena.ts'
import type { Verdict } from './judge.ts'
import type { Attempt } from './load.ts'

/** A fault under load, and what must hold meanwhile. */
export interface Drill {
  readonly name: string
  /** Brings the fault about and measures; leaves what it broke for {@link Arena.heal}. */
  run(arena: Arena): Promise<Check[]>
}

/** One promise held against what happened. */
export interface Check {
  readonly promise: string
  readonly bound: string
  readonly measured: string
  readonly ok: boolean
}

/** A figure that must not be larger than its bound. */
export function atMost(promise: string, bound: number, measured: number, unit = '', note = ''): Check {
  return {
    promise,
    bound: bound === 0 ? 'none' : `≤ ${figure(bound, unit)}`,
    measured: `${figure(measured, unit)}${note}`,
    ok: measured <= bound,
  }
}

/** A figure that must not be smaller than its bound. */
export function atLeast(promise: string, bound: number, measured: number, unit = '', note = ''): Check {
  return {
    promise,
    bound: `≥ ${figure(bound, unit)}`,
    measured: `${figure(measured, unit)}${note}`,
    ok: measured >= bound,
  }
}

const figure = (value: number, unit: string) => {
  const digits = Number.isInteger(value) ? value.toLocaleString('en') : value.toFixed(2)
  return unit ? `${digits} ${unit}` : digits
}

/** Nothing acknowledged is lost, and every row has its request. */
export function kept(verdict: Verdict): Check[] {
  const { attempted, acked, stored, lost, surplus } = verdict
  return [
    { ...atMost('acknowledged writes lost', 0, lost), measured: `${lost} of ${acked.toLocaleString('en')}` },
    {
      ...atMost('rows without a request of their own', 0, surplus),
      measured: `${surplus} of ${stored.toLocaleString('en')} (${attempted.toLocaleString('en')} requests)`,
    },
    // A judge with nothing to judge finds no fault.
    { ...atLeast('writes acknowledged', 1, acked) },
  ]
}

export const failed = (attempts: readonly Attempt[]) => attempts.filter(({ outcome }) => outcome !== 'acked')

/** Seconds from `since` until the last request was sent that failed; 0 if none. */
export function recovery(attempts: readonly Attempt[], since: number): number {
  return Math.max(0, ...failed(attempts).map(({ sentAt }) => sentAt - since)) / 1000
}

/** Seconds that the slowest request took, counted from when it was due. */
export const slowest = (attempts: readonly Attempt[]) =>
  attempts.reduce((most, { plannedAt, endedAt }) => Math.max(most, endedAt - plannedAt), 0) / 1000

/** A time in seconds that must not be longer than its bound, which a patient arena stretches. */
export const within = (arena: Arena, promise: string, bound: number, measured: number, note = '') =>
  atMost(`${promise} within`, bound * arena.patience, measured, 's', note)

/** Every request has an answer, good or bad, in time. */
export const answeredInTime = (arena: Arena, attempts: readonly Attempt[]) =>
  within(arena, 'every answer', 3, slowest(attempts))

/** In words: how many failed, of what, and when the service was out. */
export function outages(attempts: readonly Attempt[]): string {
  const failures = failed(attempts)
  const first = failures[0]
  if (first === undefined) return ''
  const kinds = Map.groupBy(failures, ({ detail }) => detail)
  const counts = [...kinds].map(([detail, { length }]) => `${length} × ${detail}`).join(', ')
  return ` (of ${attempts.length.toLocaleString('en')}: ${counts}; out ${windows(failures).join(', ')})`
}

/** When requests failed: a second without a failure ends a window. Times are from the first failure on. */
function windows(failures: readonly Attempt[]): string[] {
  const ends: [number, number][] = []
  for (const { sentAt } of failures) {
    const last = ends.at(-1)
    if (last && sentAt - last[1] <= 1000) last[1] = sentAt
    else ends.push([sentAt, sentAt])
  }
  const origin = ends[0]?.[0] ?? 0
  return ends.map(([from, to]) => `${((from - origin) / 1000).toFixed(1)}-${((to - origin) / 1000).toFixed(1)} s`)
}
