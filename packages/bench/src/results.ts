import { growthMiB, medianOf, ratio, type Sample } from './samples.ts'
import { rounded } from './statistics.ts'

/**
 * Ratios above 1 mean that this project is better. A figure that was not measured, or not correctly, is undefined, and
 * so absent in the file.
 */
export interface Results {
  readonly write: Ratios<VsBaselines | 'vsGoShared' | 'vsCommitLimit' | 'vsConstant' | 'vsUnbatched'>
  /** Writes with an idempotency key compared with the same without, by the number of connections. */
  readonly keyedWrite: Ratios<'vsWrite1' | 'vsWrite128'>
  readonly read0: Ratios<VsBaselines | 'vsFile'>
  readonly read1k: Ratios<VsBaselines | 'vsFile'>
  readonly mix: Ratios<VsBaselines>
  readonly read1m: Ratios<'vsMysqlDump' | 'rssGrowthMiB' | 'ttfbMs' | 'timesOf100k'>
  readonly idleWriteP50: Ratios<'vsOneCommit' | 'ms' | 'oneCommitMs'>
  /** The complete topology compared with `web → app`, on one machine. */
  readonly topology: Ratios<'writes' | 'read1k'>
  /** Of this project at three quarters of its peak. */
  readonly openLoop: Readonly<Record<'write' | 'read', Ratios<'p99OverP50At75'>>>
  /** Whether every sample is correct. */
  readonly correct: boolean
}

type Ratios<Name extends string> = Readonly<Record<Name, number | undefined>>

type VsBaselines = 'vsBaselineFlask' | 'vsFastify' | 'vsExpress' | 'vsGo'

/** Computes the ratios from the samples. */
export function toResults(samples: readonly Sample[]): Results {
  const vs = (work: string, other: string, mine = 'direct') => ratio(samples, work, mine, other)
  const vsBaselines = (work: string) => ({
    vsBaselineFlask: vs(work, 'baseline-flask'),
    vsFastify: vs(work, 'fastify'),
    vsExpress: vs(work, 'express'),
    vsGo: vs(work, 'go'),
  })
  const openLoop = (work: string) => ({
    p99OverP50At75: quotient(medianOf(samples, 'direct', work, 'p99Ms'), medianOf(samples, 'direct', work, 'p50Ms')),
  })
  const keyed = (connections: number) =>
    ratio(samples, `keyed-write-${connections}`, 'direct', 'direct', `write-${connections}`)
  return {
    write: {
      ...vsBaselines('write-128'),
      vsGoShared: vs('write-128', 'go-shared'),
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
      writes: vs('write-128', 'direct', 'topology'),
      read1k: vs('read-1000', 'direct', 'topology'),
    },
    openLoop: { write: openLoop('write-at-75'), read: openLoop('read-at-75') },
    correct: samples.every((sample) => sample.correct),
  }
}

function quotient(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || !b ? undefined : rounded(a / b)
}
