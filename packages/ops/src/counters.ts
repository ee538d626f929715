/** The values of a Prometheus text, by series: the name with its labels, as written there. */
export type Counters = ReadonlyMap<string, number>

/** Parses the Prometheus text format. */
export function parseCounters(text: string): Counters {
  const counters = new Map<string, number>()
  for (const [, series, value] of text.matchAll(/^([a-z]\w*(?:\{.*\})?) (\S+)(?: \d+)?$/gm)) {
    counters.set(String(series), Number(value))
  }
  return counters
}

/** The sum of all series of `name` whose labels match; undefined if there is none. */
export function sumOf(counters: Counters, name: string, labels = /(?:)/): number | undefined {
  let sum: number | undefined
  for (const [series, value] of counters) {
    const [seriesName, seriesLabels = ''] = series.split(/(?=\{)/)
    if (seriesName === name && labels.test(seriesLabels)) sum = (sum ?? 0) + value
  }
  return sum
}
