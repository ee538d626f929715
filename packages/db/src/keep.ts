/**
 * Lets a result serve everyone who asks within ten times as long as it took to get. So the work takes at most a tenth
 * of the time however many ask, and what is quick to do is nearly always done anew. Errors serve only those who wait.
 */
export function keep<Result>(work: (key: string) => Promise<Result>): (key: string) => Promise<Result> {
  const kept = new Map<string, Promise<Result>>()

  function start(key: string): Promise<Result> {
    const startedAt = performance.now()
    const result = work(key)
    kept.set(key, result)
    const forget = () => kept.delete(key)
    result.then(() => setTimeout(forget, 10 * (performance.now() - startedAt)).unref(), forget)
    return result
  }

  return (key) => kept.get(key) ?? start(key)
}
