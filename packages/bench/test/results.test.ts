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
    expect(results.write).toMatchObject({ vsBaselineFlask: undefined, vsExpress: 2 })
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

  it('compares the latencies of this project at three quarters of its peak', () => {
    const { openLoop } = toResults([
      sample('direct', 'write-at-75', 100, { p50Ms: 4, p99Ms: 10 }),
      sample('direct', 'write-at-90', 120, { p50Ms: 5, p99Ms: 50 }),
      sample('direct', 'read-at-75', 100, { p50Ms: 3, p99Ms: 12 }),
      sample('topology', 'read-at-75', 100, { p50Ms: 1, p99Ms: 12 }),
    ])
    expect(openLoop).toEqual({ write: { p99OverP50At75: 2.5 }, read: { p99OverP50At75: 4 } })
  })

  it('names each ratio after what this project is compared with', () => {
    const works = ['write-128', 'read-0', 'read-1000', 'mix']
    const others = 'baseline-flask fastify express go go-shared commits constant unbatched file'.split(' ')
    const { write, read0, read1k, mix, topology } = toResults([
      ...works.map((work) => sample('direct', work, 1000)),
      ...works.flatMap((work) => others.map((name, at) => sample(name, work, 1000 / (at + 2)))),
      sample('topology', 'write-128', 400),
      sample('topology', 'read-1000', 450),
    ])
    const vsBaselines = { vsBaselineFlask: 2, vsFastify: 3, vsExpress: 4, vsGo: 5 }
    expect(write).toEqual({ ...vsBaselines, vsGoShared: 6, vsCommitLimit: 7, vsConstant: 8, vsUnbatched: 9 })
    expect(read0).toEqual({ ...vsBaselines, vsFile: 10 })
    expect(read1k).toEqual({ ...vsBaselines, vsFile: 10 })
    expect(mix).toEqual(vsBaselines)
    expect(topology).toEqual({ writes: 0.4, read1k: 0.45 })
  })

  it('has no key for what was not measured', () => {
    const { correct, openLoop, ...groups } = JSON.parse(JSON.stringify(toResults([])))
    for (const group of [...Object.values(groups), openLoop.write, openLoop.read]) expect(group).toEqual({})
  })
})
