import { growthMiB, medianOf, ratio, type Sample } from './samples.ts'
import { rounded } from './statistics.ts'

/** Ratios above 1 mean that this project is better; null where a figure is missing or was not correct. */
export interface Results {
  readonly write: Ratios<'vsSeed' | 'vsFastify' | 'vsExpress' | 'vsCommitLimit' | 'vsConstant' | 'vsNoSharing'>
  readonly read0: Ratios<'vsSeed' | 'vsFastify' | 'vsExpress' | 'vsFile'>
  readonly read1k: Ratios<'vsSeed' | 'vsFastify' | 'vsExpress' | 'vsFile'>
  readonly mix: Ratios<'vsSeed' | 'vsFastify' | 'vsExpress'>
  readonly read1m: Ratios<'vsMysqlDump' | 'rssGrowthMiB' | 'ttfbMs' | 'timesOf100k'>
  readonly idleWriteP50: Ratios<'vsOneCommit' | 'ms' | 'oneCommitMs'>
  /** The whole topology beside `web → app` alone, on the one machine they share. */
  readonly topology: Ratios<'writeVsDirect' | 'read1kVsDirect'>
  /** Whether every measurement's answers were right. */
  readonly correct: boolean
  readonly samples: readonly Sample[]
}

type Ratios<Name extends string> = Readonly<Record<Name, number | null>>

/** Draws the ratios from the samples. */
export function toResults(samples: readonly Sample[]): Results {
  const vs = (work: string, other: string, mine = 'direct') => ratio(samples, work, mine, other)
  const vsPeers = (work: string) => ({
    vsSeed: vs(work, 'seed'),
    vsFastify: vs(work, 'fastify'),
    vsExpress: vs(work, 'express'),
  })
  return {
    write: {
      ...vsPeers('write-128'),
      vsCommitLimit: vs('write-128', 'commits'),
      vsConstant: vs('write-128', 'constant'),
      vsNoSharing: vs('write-128', 'unshared'),
    },
    read0: { ...vsPeers('read-0'), vsFile: vs('read-0', 'file') },
    read1k: { ...vsPeers('read-1000'), vsFile: vs('read-1000', 'file') },
    mix: vsPeers('mix'),
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
