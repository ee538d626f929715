import type { DurabilityResult } from './durability.ts'
import type { Attempt } from './load.ts'
import type { TestEnvironment } from './test-environment.ts'

/** A fault under load, and what must hold meanwhile. */
export interface Drill {
  readonly name: string
  /** Injects the fault and measures; {@link TestEnvironment.heal} repairs what it leaves broken. */
  run(environment: TestEnvironment): Promise<Check[]>
}

/** One promise compared with what was measured. */
export interface Check {
  readonly promise: string
  readonly bound: string
  readonly measured: string
  readonly ok: boolean
  /** True if a slow or busy machine alone can break it; it is judged only where the machine is fast and quiet enough. */
  readonly timeBound: boolean
}

/** A figure that must not exceed its bound. */
export function atMost(promise: string, bound: number, measured: number, unit = '', note = ''): Check {
  return {
    promise,
    bound: bound === 0 ? 'none' : `≤ ${figure(bound, unit)}`,
    measured: `${figure(measured, unit)}${note}`,
    ok: measured <= bound,
    timeBound: false,
  }
}

/** A figure that must not be below its bound. */
export function atLeast(promise: string, bound: number, measured: number, unit = '', note = ''): Check {
  return {
    promise,
    bound: `≥ ${figure(bound, unit)}`,
    measured: `${figure(measured, unit)}${note}`,
    ok: measured >= bound,
    timeBound: false,
  }
}

/** Something that must be the case. @param instead what is, if it is not. */
export const yes = (promise: string, ok: boolean, instead = ''): Check => ({
  promise,
  bound: 'yes',
  measured: ok ? 'yes' : instead || 'no',
  ok,
  timeBound: false,
})

const figure = (value: number, unit: string) => {
  const digits = Number.isInteger(value) ? value.toLocaleString('en') : value.toFixed(2)
  return unit ? `${digits} ${unit}` : digits
}

/** Marks a check as one that depends on the speed of the machine. */
export const timeBound = (check: Check): Check => ({ ...check, timeBound: true })

/** A time in seconds that must not exceed its bound. */
export const within = (promise: string, bound: number, seconds: number, note = ''): Check =>
  timeBound(atMost(promise, bound, seconds, 's', note))

/** Every request is answered in time, whatever the answer. */
export const answeredInTime = (attempts: readonly Attempt[]): Check =>
  within('slowest response', 3, slowest(attempts), slowestRequest(attempts))

/** The service recovers at all, and in time. @param recovered see {@link RunningLoad.recovered}. */
export const recoveryChecks = (
  promise: string,
  bound: number,
  { attempts, since, recovered }: { attempts: readonly Attempt[]; since: number; recovered: boolean },
): Check[] => [yes('recovered', recovered), within(promise, bound, recoveryTime(attempts, since), outages(attempts))]

/** No acknowledged write is lost, every row has its request, and counts are those of the rows. */
export function durabilityChecks(result: DurabilityResult): Check[] {
  const { attempted, acknowledged, stored, lost, surplus, miscounted } = result
  return [
    { ...atMost('acknowledged writes lost', 0, lost), measured: `${lost} of ${acknowledged.toLocaleString('en')}` },
    {
      ...atMost('rows without a matching request', 0, surplus),
      measured: `${surplus} of ${stored.toLocaleString('en')} (${attempted.toLocaleString('en')} requests)`,
    },
    // Without any, the two above would hold whatever the service does.
    atLeast('acknowledged writes', 1, acknowledged),
    ...(miscounted === undefined ? [] : [atMost('difference between counts and rows', 0, Math.abs(miscounted))]),
  ]
}

/** Whatever happens, a request that cannot be answered is refused with 503. */
export const refusedWith503 = (attempts: readonly Attempt[]): Check => {
  const others = attempts.filter(({ detail }) => /^5(?!03)/.test(detail))
  return atMost(
    '5xx responses other than 503',
    0,
    others.length,
    '',
    others.length > 0 ? ` (${countByDetail(others)})` : '',
  )
}

export const failed = (attempts: readonly Attempt[]): Attempt[] =>
  attempts.filter(({ outcome }) => outcome !== 'succeeded')

/** No request fails. */
export const noFailures = (promise: string, attempts: readonly Attempt[]): Check =>
  atMost(promise, 0, failed(attempts).length, '', outages(attempts))

/** Seconds from `since` until the last request was sent that failed; 0 if none. */
export function recoveryTime(attempts: readonly Attempt[], since: number): number {
  return Math.max(0, ...failed(attempts).map(({ sentAt }) => sentAt - since)) / 1000
}

/** Seconds that the slowest request took, counted from when it was due. */
export const slowest = (attempts: readonly Attempt[]): number =>
  attempts.reduce((most, { plannedAt, endedAt }) => Math.max(most, endedAt - plannedAt), 0) / 1000

/** The kind of the slowest request, its outcome, and how long it waited to be sent. */
function slowestRequest(attempts: readonly Attempt[]): string {
  const [first, ...others] = attempts
  if (first === undefined) return ''
  const took = ({ plannedAt, endedAt }: Attempt) => endedAt - plannedAt
  const { kind, detail, plannedAt, sentAt } = others.reduce((a, b) => (took(b) > took(a) ? b : a), first)
  return ` (${kind}${detail && `, ${detail}`}; sent after ${((sentAt - plannedAt) / 1000).toFixed(2)} s)`
}

/** How many requests failed, how, and when; empty if none. */
export function outages(attempts: readonly Attempt[]): string {
  const failures = failed(attempts)
  if (failures.length === 0) return ''
  return ` (of ${attempts.length.toLocaleString('en')}: ${countByDetail(failures)}; failures at ${windows(failures).join(', ')})`
}

/** How many attempts have each detail: `4 × 503, 1 × ECONNRESET`. */
export function countByDetail(attempts: readonly Attempt[]): string {
  const groups = Map.groupBy(attempts, ({ detail }) => detail)
  return [...groups].map(([detail, { length }]) => `${length.toLocaleString('en')} × ${detail}`).join(', ')
}

/** When requests failed, in seconds since the first failure: a second without one ends a window. */
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
