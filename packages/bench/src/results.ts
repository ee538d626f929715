import { growthMiB, medianOf, ratio, type Sample } from './samples.ts'
import { rounded } from './statistics.ts'

/** Ratios above 1 mean that this project is better; null where a figure is missing or was not correct. */
export interface Results {
  readonly write: Ratios<'vsBaselineFlask' | 'vsFastify' | 'vsExpress' | 'vsCommitLimit' | 'vsConstant' | 'vsUnbatched'>
  /** Writes with an idempotency key compared with the same without, by the number of connections. */
  readonly keyedWrite: Ratios<'vsWrite1' | 'vsWrite128'>
  readonly read0: Ratios<'vsBaselineFlask' | 'vsFastify' | 'vsExpress' | 'vsFile'>
  readonly read1k: Ratios<'vsBaselineFlask' | 'vsFastify' | 'vsExpress' | 'vsFile'>
  readonly mix: Ratios<'vsBaselineFlask' | 'vsFastify' | 'vsExpress'>
  readonly read1m: Ratios<'vsMysqlDump' | 'rssGrowthMiB' | 'ttfbMs' | 'timesOf100k'>
  readonly idleWriteP50: Ratios<'vsOneCommit' | 'ms' | 'oneCommitMs'>
  /** The complete topology compared with `web → app`, on one machine. */
  readonly topology: Ratios<'writeVsDirect' | 'read1kVsDirect'>
  /** Whether every sample is correct. */
  readonly correct: boolean
  readonly samples: readonly Sample[]
}

type Ratios<Name extends string> = Readonly<Record<Name, number | null>>

/** Computes the ratios from the samples. */
export function toResults(samples: readonly Sample[]): Results {
  const vs = (work: string, other: string, mine = 'direct') => ratio(samples, work, mine, other)
  const vsBaselines = (work: string) => ({
    vsBaselineFlask: vs(work, 'baseline-flask'),
    vsFastify: vs(work, 'fastify'),
    vsExpress: vs(work, 'express'),
  })
  const keyed = (connections: number) =>
    ratio(samples, `keyed-write-${connections}`, 'direct', 'direct', `write-${connections}`)
  return {
    write: {
      ...vsBaselines('write-128'),
      vsCommitLimit: vs('write-128', 'commits'),
      vsConstant: vs('write-128', 'constant'),
      vsUnbatched: vs('write-128', 'unbatched'),
    },
    keyedWrite: { vsWrite1: keyed(1), vsWrite128: keyed(128) },
    read0: { ...vsBaselines('read-0'), vsFile: vs('read-0', 'file') },
    read1k: { ...vsBaselines('read-1000'), vsFile: vs('read-1000', 'file') },
    mix: vsBaselines('mix'),
    read1m: {
      vsMysqlDump: vs('list-1000000', 'dump'),
      rssGrowthMiB: growthMiB(samples, 'direct', 'list-1000000', 'app-direct'),
      ttfbMs: medianOf(samples, 'direct', 'list-1000000', 'ttfbMs'),
      timesOf100k: quotient(
        medianOf(samples, 'direct', 'list-1000000', 'p50Ms'),
        medianOf(samples, 'direct', 'list-100000', 'p50Ms'),
      ),
    },
    idleWriteP50: {
      vsOneCommit: quotient(
        medianOf(samples, 'commits', 'write-1', 'p50Ms'),
        medianOf(samples, 'direct', 'write-1', 'p50Ms'),
      ),
      ms: medianOf(samples, 'direct', 'write-1', 'p50Ms'),
      oneCommitMs: medianOf(samples, 'commits', 'write-1', 'p50Ms'),
    },
    topology: {
      writeVsDirect: vs('write-128', 'direct', 'topology'),
      read1kVsDirect: vs('read-1000', 'direct', 'topology'),
    },
    correct: samples.every((sample) => sample.correct),
    samples,
  }
}

function quotient(a: number | null, b: number | null): number | null {
  return a === null || !b ? null : rounded(a / b)
}
