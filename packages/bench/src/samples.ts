import { rounded, roundedMedian } from './statistics.ts'

/** One measurement of one candidate. */
export interface Sample {
  readonly candidate: string
  /** What was measured, such as `write-128`. */
  readonly work: string
  readonly round: number
  /** Successful requests per second; lists per second where one list is read at a time. */
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms?: number
  /** Undefined in a closed loop, and for fewer than 1,000 requests. */
  readonly p999Ms?: number | undefined
  /** Of an open loop. */
  readonly offeredPerSecond?: number
  /** Time to the first byte of a list. */
  readonly ttfbMs?: number
  /** Requests that were not answered, or not with 2xx. */
  readonly errors: number
  /** Whether the stored rows match the acknowledged writes, and the answers the stored rows. If not, the figure does not count. */
  readonly correct: boolean
  /** CPU time of each service, sum of its containers, per request. */
  readonly cpuMsPerRequest?: Readonly<Record<string, number>>
  /** Peak memory of each service's largest container. */
  readonly peakMiB?: Readonly<Record<string, number>>
  /** Its memory at the start. */
  readonly startMiB?: Readonly<Record<string, number>>
}

/** The correct samples of a candidate and a kind of work, by round. */
export function samplesOf(samples: readonly Sample[], candidate: string, work: string): readonly Sample[] {
  return samples.filter((sample) => sample.correct && sample.candidate === candidate && sample.work === work)
}

/**
 * How many times as fast `mine` is as `other`: the median over the rounds of the ratio within a round, so that a
 * disturbance of a round affects both. Undefined when no round has both.
 *
 * @param otherWork what `other` is measured at. @default work
 */
export function ratio(
  samples: readonly Sample[],
  work: string,
  mine: string,
  other: string,
  otherWork: string = work,
): number | undefined {
  const theirs = new Map(samplesOf(samples, other, otherWork).map((sample) => [sample.round, sample.perSecond]))
  const ratios = samplesOf(samples, mine, work).flatMap(({ round, perSecond }) => {
    const their = theirs.get(round)
    return their ? [perSecond / their] : []
  })
  return roundedMedian(ratios)
}

/** The median of a field over the correct samples; undefined without any. */
export function medianOf(
  samples: readonly Sample[],
  candidate: string,
  work: string,
  field: 'perSecond' | 'p50Ms' | 'p99Ms' | 'ttfbMs',
): number | undefined {
  return roundedMedian(samplesOf(samples, candidate, work).flatMap((sample) => sample[field] ?? []))
}

/** The largest growth of a service's memory since the start of the first sample; undefined without any. */
export function growthMiB(
  samples: readonly Sample[],
  candidate: string,
  work: string,
  service: string,
): number | undefined {
  const own = samplesOf(samples, candidate, work)
  const start = own[0]?.startMiB?.[service]
  const peaks = own.flatMap(({ peakMiB }) => peakMiB?.[service] ?? [])
  return start === undefined || peaks.length === 0 ? undefined : rounded(Math.max(...peaks) - start)
}
