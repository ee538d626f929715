interface Calls<Result> {
  underWay: Promise<unknown>
  /** What those who came since then share, begun when that is over. */
  next?: Promise<Result>
}

/**
 * Lets equal calls at the same time share work, so that a crowd costs little more than one. No call gets the result
 * of work that began before it: who comes while work is under way shares the next with everybody else who did.
 *
 * @param work does it once; `deadline` (as `performance.now()`) is that of the caller who has waited longest.
 * @param deadlineMs from a call to its answer.
 */
export function share<Result>(
  work: (key: string, deadline: number) => Promise<Result>,
  deadlineMs: number,
): (key: string) => Promise<Result> {
  const calls = new Map<string, Calls<Result>>()

  function start(key: string, deadline: number): Promise<Result> {
    const result = work(key, deadline)
    const current: Calls<Result> = { underWay: result }
    calls.set(key, current)
    const over = () => {
      if (current.next === undefined) calls.delete(key)
    }
    result.then(over, over)
    return result
  }

  return (key) => {
    const deadline = performance.now() + deadlineMs
    const current = calls.get(key)
    if (current === undefined) return start(key, deadline)
    const begin = () => start(key, deadline)
    current.next ??= current.underWay.then(begin, begin)
    return current.next
  }
}
