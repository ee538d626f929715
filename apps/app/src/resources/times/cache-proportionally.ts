/**
 * Caches each result for ten times as long as it took to get. So the work takes at most a tenth of the time, however
 * many callers there are, and what is quick to get is hardly ever old. Errors are not cached.
 *
 * @param keyOf queries with the same key have the same result.
 */
export function cacheProportionally<Query, Result>(
  keyOf: (query: Query) => string,
  work: (query: Query) => Promise<Result>,
): (query: Query) => Promise<Result> {
  const cache = new Map<string, Promise<Result>>()

  function start(key: string, query: Query): Promise<Result> {
    const startedAt = performance.now()
    const result = work(query)
    cache.set(key, result)
    const forget = () => cache.delete(key)
    result.then(() => setTimeout(forget, 10 * (performance.now() - startedAt)).unref(), forget)
    return result
  }

  return (query) => {
    const key = keyOf(query)
    return cache.get(key) ?? start(key, query)
  }
}
