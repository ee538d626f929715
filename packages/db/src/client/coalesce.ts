/** See {@link coalesce}. */
export interface CoalesceOptions<Query, Result> {
  /** Queries with the same key have the same result. */
  readonly keyOf: (query: Query) => string
  /** `deadline` (as `performance.now()`) is that of the caller who has waited longest. */
  readonly work: (query: Query, deadline: number) => Promise<Result>
  /** From a call to its deadline. */
  readonly deadlineMs: number
}

interface Calls<Result> {
  readonly inFlight: Promise<unknown>
  /** The result of all calls that came since; its work starts when `inFlight` has ended. */
  next?: Promise<Result>
}

/**
 * Lets equal calls at the same time share work, so that a crowd costs little more than one. No call gets the result of
 * work that began before it: those that come while work is in flight share the next.
 */
export function coalesce<Query, Result>(options: CoalesceOptions<Query, Result>): (query: Query) => Promise<Result> {
  const { keyOf, work, deadlineMs } = options
  const calls = new Map<string, Calls<Result>>()

  function start(key: string, query: Query, deadline: number): Promise<Result> {
    const result = work(query, deadline)
    const current: Calls<Result> = { inFlight: result }
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
    const startNext = () => start(key, query, deadline)
    current.next ??= current.inFlight.then(startNext, startNext)
    return current.next
  }
}
