import { type Sample, samplesOf } from './samples.ts'
import { rounded, roundedMedian, spread } from './statistics.ts'

/** What is kept of the correct samples of a candidate and a kind of work: medians, and the spread of the rate. */
interface Figure {
  /** How many samples there are. */
  readonly rounds: number
  readonly perSecond: number | undefined
  /** The range of `perSecond` as a fraction of its median. */
  readonly spread: number
  readonly p50Ms: number | undefined
  readonly p99Ms: number | undefined
  readonly p999Ms: number | undefined
  readonly ttfbMs: number | undefined
  readonly offeredPerSecond: number | undefined
  /** The sum of all samples. */
  readonly errors: number
  readonly cpuMsPerRequest: ByService | undefined
  readonly peakMiB: ByService | undefined
}

type ByService = Readonly<Record<string, number | undefined>>

/** By candidate, then by work. */
export type Figures = Readonly<Record<string, Readonly<Record<string, Figure>>>>

/** The medians and spreads of a run. */
export function toFigures(samples: readonly Sample[]): Figures {
  const figures: Record<string, Record<string, Figure>> = {}
  for (const { candidate, work } of samples) {
    figures[candidate] ??= {}
    figures[candidate][work] ??= toFigure(samplesOf(samples, candidate, work))
  }
  return figures
}

function toFigure(samples: readonly Sample[]): Figure {
  const middle = (of: (sample: Sample) => number | undefined) =>
    roundedMedian(samples.flatMap((sample) => of(sample) ?? []))
  const byService = (field: 'cpuMsPerRequest' | 'peakMiB'): ByService | undefined => {
    const services = Object.keys(samples[0]?.[field] ?? {})
    if (services.length === 0) return undefined
    return Object.fromEntries(services.map((service) => [service, middle((sample) => sample[field]?.[service])]))
  }
  return {
    rounds: samples.length,
    perSecond: middle(({ perSecond }) => perSecond),
    spread: rounded(spread(samples.map(({ perSecond }) => perSecond))),
    p50Ms: middle(({ p50Ms }) => p50Ms),
    p99Ms: middle(({ p99Ms }) => p99Ms),
    p999Ms: middle(({ p999Ms }) => p999Ms),
    ttfbMs: middle(({ ttfbMs }) => ttfbMs),
    offeredPerSecond: middle(({ offeredPerSecond }) => offeredPerSecond),
    errors: samples.reduce((sum, { errors }) => sum + errors, 0),
    cpuMsPerRequest: byService('cpuMsPerRequest'),
    peakMiB: byService('peakMiB'),
  }
}
