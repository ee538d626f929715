import { describe, expect, it } from 'vitest'
import { toResults } from '../src/results.ts'
import { sample } from './samples.ts'

describe('toResults', () => {
  it('compares within each round and takes the median', () => {
    const samples = [
      [400, 100],
      [90, 30],
      [1000, 500],
    ].flatMap(([mine = 0, theirs = 0], at) => [
      sample('direct', 'write-128', mine, { round: at + 1 }),
      sample('fastify', 'write-128', theirs, { round: at + 1 }),
    ])
    expect(toResults(samples).write.vsFastify).toBe(3)
  })

  it('leaves out a figure that is not correct, and reports that there is one', () => {
    const results = toResults([
      sample('direct', 'write-128', 100),
      sample('baseline-flask', 'write-128', 1000, { correct: false }),
      sample('express', 'write-128', 50),
    ])
    expect(results.write).toMatchObject({ vsBaselineFlask: null, vsExpress: 2 })
    expect(results.correct).toBe(false)
  })

  it('compares writes with a key with those without, within each round', () => {
    const results = toResults([
      sample('direct', 'write-1', 100),
      sample('direct', 'keyed-write-1', 95),
      sample('direct', 'write-128', 1000),
      sample('direct', 'keyed-write-128', 900),
    ])
    expect(results.keyedWrite).toEqual({ vsWrite1: 0.95, vsWrite128: 0.9 })
  })

  it('has every ratio of the long list', () => {
    const memory = (start: number, peak: number) => ({
      startMiB: { 'app-direct': start },
      peakMiB: { 'app-direct': peak },
    })
    const results = toResults([
      sample('direct', 'list-100000', 8),
      sample('direct', 'list-1000000', 0.8, { ttfbMs: 30, ...memory(60, 90) }),
      sample('direct', 'list-1000000', 0.8, { ttfbMs: 50, round: 2, ...memory(85, 100) }),
      sample('dump', 'list-1000000', 1),
    ])
    expect(results.read1m).toEqual({ vsMysqlDump: 0.8, rssGrowthMiB: 40, ttfbMs: 40, timesOf100k: 10 })
  })

  it('compares a single write with a single commit', () => {
    const results = toResults([
      sample('direct', 'write-1', 200, { p50Ms: 4 }),
      sample('commits', 'write-1', 500, { p50Ms: 2 }),
    ])
    expect(results.idleWriteP50).toEqual({ vsOneCommit: 0.5, ms: 4, oneCommitMs: 2 })
  })

  it('has the keys that the documents quote', () => {
    const { write, read1k, read1m, idleWriteP50 } = toResults([])
    expect(Object.keys(write)).toEqual([
      'vsBaselineFlask',
      'vsFastify',
      'vsExpress',
      'vsCommitLimit',
      'vsConstant',
      'vsUnbatched',
    ])
    expect(read1k).toMatchObject({ vsBaselineFlask: null, vsFastify: null, vsExpress: null })
    expect(read1m).toMatchObject({ vsMysqlDump: null, rssGrowthMiB: null, ttfbMs: null })
    expect(idleWriteP50).toMatchObject({ vsOneCommit: null })
  })
})
