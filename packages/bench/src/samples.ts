import { median, rounded } from './statistics.ts'

/** One measurement of one contestant. */
export interface Sample {
  readonly contestant: string
  /** What was done, such as `write-128`. */
  readonly work: string
  readonly round: number
  /** Requests per second; lists per second where one list is read at a time. */
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms?: number
  /** Until the first byte of a list. */
  readonly ttfbMs?: number
  /** Requests without an answer, or with one that was not 2xx. */
  readonly errors: number
  /** What is stored is what was acknowledged, what was read is what is stored. Otherwise the figure does not count. */
  readonly correct: boolean
  /** CPU time of each service, all its containers together, per request. */
  readonly cpuMsPerRequest?: Readonly<Record<string, number>>
  /** The most memory of each service's largest container meanwhile. */
  readonly peakMiB?: Readonly<Record<string, number>>
  /** What they had before. */
  readonly startMiB?: Readonly<Record<string, number>>
}

/** The correct samples of a contestant's work, by round. */
export function samplesOf(samples: readonly Sample[], contestant: string, work: string): readonly Sample[] {
  return samples.filter((sample) => sample.correct && sample.contestant === contestant && sample.work === work)
}

/**
 * How many times as fast `mine` is as `other`: the median over the rounds of the ratio within a round, so that what
 * disturbs a whole round disturbs both. Null when no round has both.
 */
export function ratio(samples: readonly Sample[], work: string, mine: string, other: string): number | null {
  const theirs = new Map(samplesOf(samples, other, work).map((sample) => [sample.round, sample.perSecond]))
  const ratios = samplesOf(samples, mine, work).flatMap(({ round, perSecond }) => {
    const their = theirs.get(round)
    return their ? [perSecond / their] : []
  })
  const middle = median(ratios)
  return middle === undefined ? null : rounded(middle)
}

/** The median of one field over the correct samples; null of none. */
export function medianOf(
  samples: readonly Sample[],
  contestant: string,
  work: string,
  field: 'perSecond' | 'p50Ms' | 'ttfbMs',
): number | null {
  const middle = median(samplesOf(samples, contestant, work).flatMap((sample) => sample[field] ?? []))
  return middle === undefined ? null : rounded(middle)
}

/** The most by which a service grew in its contestant's work, over what it had before the first time; null of none. */
export function growthMiB(
  samples: readonly Sample[],
  contestant: string,
  work: string,
  service: string,
): number | null {
  const own = samplesOf(samples, contestant, work)
  const start = own[0]?.startMiB?.[service]
  const peaks = own.flatMap(({ peakMiB }) => peakMiB?.[service] ?? [])
  return start === undefined || peaks.length === 0 ? null : rounded(Math.max(...peaks) - start)
}
