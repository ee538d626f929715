import type { Outcome, Send } from './http.ts'
import type { Interval, Workload } from './workload.ts'

/** One request and its outcome. All times are milliseconds since 1970, on the clock that the containers share. */
export interface Attempt {
  readonly kind: 'write' | 'read'
  /** When it was due. Latency counts from here: a stalled service delays the sending too. */
  readonly plannedAt: number
  readonly sentAt: number
  readonly endedAt: number
  /** `succeeded`: answered as the contract promises. `refused`: answered otherwise. `unanswered`: no complete response. */
  readonly outcome: 'succeeded' | 'refused' | 'unanswered'
  /** The status or the error of a request that did not succeed; {@link emptyList} of a read that found nothing. */
  readonly detail: string
  /** When the row was stored, according to the answer. Only of writes that succeeded: these are acknowledged. */
  readonly acknowledged?: Interval
}

/** See {@link Attempt.detail}. */
export const emptyList = 'empty list'

/** A steady load. */
export interface LoadOptions {
  readonly send: Send
  readonly workload: Pick<Workload, 'write' | 'newestPath' | 'acknowledged' | 'listed'>
  readonly writesPerSecond: number
  readonly readsPerSecond: number
  /** The most requests in flight; further ones are sent late, which their latency includes. @default 2000 */
  readonly inFlightLimit?: number
}

/** See {@link startLoad}. */
export interface Load {
  /** The attempts that have ended, in the order of ending. */
  readonly attempts: readonly Attempt[]
  /** Sends no more, waits for the requests in flight and resolves with all attempts in the order of sending. */
  stop(): Promise<readonly Attempt[]>
}

/**
 * Sends requests at a steady rate whatever their outcome: a client that waits for answers before it sends more measures
 * a stalled service as an idle one. Runs until stopped.
 */
export function startLoad(options: LoadOptions): Load {
  const { send, workload, inFlightLimit = 2000 } = options
  const attempts: Attempt[] = []
  const startedAt = Date.now()
  const streams = (['write', 'read'] as const)
    .map((kind) => ({ kind, intervalMs: 1000 / options[`${kind}sPerSecond`], sent: 0 }))
    .filter(({ intervalMs }) => intervalMs < Number.POSITIVE_INFINITY)
  let inFlight = 0
  let whenIdle: (() => void) | undefined

  function sendDue(): void {
    for (const stream of streams) {
      for (;;) {
        const plannedAt = startedAt + stream.sent * stream.intervalMs
        if (plannedAt > Date.now() || inFlight >= inFlightLimit) break
        stream.sent += 1
        void attempt(stream.kind, plannedAt)
      }
    }
  }

  async function attempt(kind: Attempt['kind'], plannedAt: number): Promise<void> {
    inFlight += 1
    const sentAt = Date.now()
    const outcome = await send(kind === 'write' ? workload.write() : { method: 'GET', path: workload.newestPath })
    attempts.push({ kind, plannedAt, sentAt, endedAt: Date.now(), ...classify(workload, kind, outcome) })
    inFlight -= 1
    if (inFlight === 0) whenIdle?.()
  }

  const timer = setInterval(sendDue, 2)
  return {
    attempts,
    async stop() {
      clearInterval(timer)
      if (inFlight > 0) await new Promise<void>((resolve) => (whenIdle = resolve))
      return attempts.toSorted((a, b) => a.sentAt - b.sentAt)
    },
  }
}

/** At the rates of the drills more than two seconds. */
const recoveryRun = 300

/** Whether the latest 300 attempts that ended were sent at `since` or later, and all succeeded. */
export function hasRecovered(attempts: readonly Attempt[], since: number): boolean {
  const latest = attempts.slice(-recoveryRun)
  return (
    latest.length === recoveryRun && latest.every(({ sentAt, outcome }) => sentAt >= since && outcome === 'succeeded')
  )
}

function classify(
  workload: LoadOptions['workload'],
  kind: Attempt['kind'],
  outcome: Outcome,
): Pick<Attempt, 'outcome' | 'detail' | 'acknowledged'> {
  if ('error' in outcome) return { outcome: 'unanswered', detail: outcome.error }
  if (kind === 'write') {
    const acknowledged = workload.acknowledged(outcome)
    if (acknowledged !== undefined) return { outcome: 'succeeded', detail: '', acknowledged }
  } else {
    const listed = listOf(workload, outcome)
    if (listed !== undefined) return { outcome: 'succeeded', detail: listed.length === 0 ? emptyList : '' }
  }
  const { status, body } = outcome
  return {
    outcome: 'refused',
    detail: status < 300 ? `${status} with ${JSON.stringify(body.slice(0, 80))}` : `${status}`,
  }
}

function listOf(workload: LoadOptions['workload'], response: Exclude<Outcome, { error: string }>) {
  try {
    return workload.listed(response)
  } catch {
    return undefined
  }
}
