import { labels } from './candidates.ts'
import type { Sample } from './samples.ts'
import { median, spread } from './statistics.ts'

const columns: readonly (readonly [work: string, title: string])[] = [
  ['write-1', 'write, 1'],
  ['write-32', 'write, 32'],
  ['write-128', 'write, 128'],
  ['read-0', 'read 0'],
  ['read-1000', 'read 1,000'],
  ['mix', '90/10'],
  ['list-100000', '100,000'],
  ['list-1000000', '1,000,000'],
]

/**
 * One line per candidate: requests per second, or milliseconds per long list, as medians with the spread over the
 * rounds; then CPU time per request and peak memory.
 */
export function formatTable(samples: readonly Sample[]): string {
  const names = [...new Set(samples.map(({ candidate }) => candidate))]
  const head = ['', ...columns.map(([, title]) => title), 'CPU ms/write', 'CPU ms/read', 'peak MiB']
  const lines = names.map((name) => {
    const own = samples.filter(({ candidate }) => candidate === name)
    const of = (work: string) => own.filter((sample) => sample.work === work)
    return [
      labels[name] ?? name,
      ...columns.map(([work]) => figure(of(work))),
      cpu(of('write-128')),
      cpu(of('read-1000')),
      peak(own),
    ]
  })
  return align([head, ...lines])
}

/** One line per candidate: the latencies of the open loop in milliseconds, in order of the rates. */
export function formatLatencies(samples: readonly Sample[]): string {
  const open = samples.filter(({ offeredPerSecond }) => offeredPerSecond !== undefined)
  const works = [...new Set(open.map(({ work }) => work))]
  const names = [...new Set(open.map(({ candidate }) => candidate))]
  const of = (name: string, work: string) => open.find((each) => each.candidate === name && each.work === work)
  return align([
    ['p50 / p99 / p99.9 in ms', ...works.map((work) => `${work.replace('-at-', ', ')} %`)],
    ...names.map((name) => [labels[name] ?? name, ...works.map((work) => latencies(of(name, work)))]),
  ])
}

function align(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)))
  return lines
    .map((line) => line.map((cell, at) => (at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] ?? 0))))
    .map((line) => line.join('  ').trimEnd())
    .join('\n')
}

function latencies(sample: Sample | undefined): string {
  if (sample === undefined) return ''
  const { correct, p50Ms, p99Ms, p999Ms, errors } = sample
  if (!correct) return 'wrong'
  const values = [p50Ms, p99Ms, p999Ms].flatMap((value) => (value === undefined ? [] : number(value)))
  return `${values.join(' / ')}${errors === 0 ? '' : ` ${errors} errors`}`
}

function figure(samples: readonly Sample[]): string {
  const right = samples.filter(({ correct }) => correct)
  if (right.length === 0) return samples.length === 0 ? '' : 'wrong'
  const list = right[0]?.work.startsWith('list-')
  const values = right.map(({ perSecond, p50Ms }) => (list ? p50Ms : perSecond))
  const errors = right.reduce((sum, sample) => sum + sample.errors, 0)
  const value = `${number(median(values) ?? 0)}${list ? ' ms' : ''} ±${Math.round((spread(values) / 2) * 100)}%`
  return errors === 0 ? value : `${value} ${errors} errors`
}

/** Sum of all containers. */
function cpu(samples: readonly Sample[]): string {
  const sums = samples.flatMap(({ cpuMsPerRequest }) =>
    cpuMsPerRequest ? [Object.values(cpuMsPerRequest).reduce((sum, ms) => sum + ms, 0)] : [],
  )
  const middle = median(sums)
  return middle === undefined ? '' : middle.toPrecision(2)
}

/** Of the largest app container. */
function peak(samples: readonly Sample[]): string {
  const values = samples.flatMap(({ peakMiB = {} }) =>
    Object.entries(peakMiB).flatMap(([service, mib]) => (service.startsWith('app') ? [mib] : [])),
  )
  return values.length === 0 ? '' : number(Math.max(...values))
}

const number = (value: number) => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en'))
