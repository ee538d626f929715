import { type Container, docker } from '@repo/compose'

/** The port of each tier's own counters, within its container. */
const metricsPorts: Readonly<Record<string, number>> = { alb: 8405, web: 8081, nlb: 8405, app: 9464 }

/** A container that does not respond for so long has no figures. */
export const queryTimeoutMs = 5000

/** The values of a Prometheus text, by series: the name with its labels, as written there. */
export type Counters = ReadonlyMap<string, number>

/** What a container counts itself; empty if it counts nothing or does not respond. */
export async function readCounters({ id, service }: Pick<Container, 'id' | 'service'>): Promise<Counters> {
  const port = metricsPorts[service]
  if (port === undefined) return new Map()
  const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; printf 'GET /metrics HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3; cat <&3`
  const text = await docker(['exec', id, 'bash', '-c', script], { timeoutMs: queryTimeoutMs }).catch(() => '')
  return parseCounters(text.replaceAll('\r', ''))
}

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
