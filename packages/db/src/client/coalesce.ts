import { within } from './within.ts'

/** See {@link coalesce}. */
export interface CoalesceOptions<Query, Result> {
  /** Queries with the same key have the same result. */
  readonly keyOf: (query: Query) => string
  /** `deadline` (as `performance.now()`) is that of the caller who came last. */
  readonly work: (query: Query, deadline: number) => Promise<Result>
  /** From a call to its deadline. */
  readonly deadlineMs: number
}

interface Calls<Result> {
  readonly inFlight: Promise<unknown>
  /** The result of all calls that came since; its work starts when `inFlight` has ended. */
  next?: Promise<Result>
  /** That of the latest of these calls. */
  nextDeadline: number
}

/**
 * Lets equal calls at the same time share work, so that a crowd costs little more than one. No call gets the result of
 * work that began before it: those that come while work is in flight share the next. Each call is rejected at its own
 * deadline: one that has waited long leaves the others their time.
 *
 * @throws {DatabaseTimeout} at the deadline.
 */
export function coalesce<Query, Result>(options: CoalesceOptions<Query, Result>): (query: Query) => Promise<Result> {
  const { keyOf, work, deadlineMs } = options
  const calls = new Map<string, Calls<Result>>()

  function start(key: string, query: Query, deadline: number): Promise<Result> {
    const result = work(query, deadline)
    const current: Calls<Result> = { inFlight: result, nextDeadline: deadline }
    calls.set(key, current)
    const forget = () => {
      if (current.next === undefined) calls.delete(key)
    }
    result.then(forget, forget)
    return result
  }

  return (query) => {
    const deadline = performance.now() + deadlineMs
    const key = keyOf(query)
    const current = calls.get(key)
    if (current === undefined) return start(key, query, deadline)
    current.nextDeadline = deadline
    const startNext = () => start(key, query, current.nextDeadline)
    current.next ??= current.inFlight.then(startNext, startNext)
    return within(deadlineMs, current.next, 'no shared result in time')
  }
}
