import { expect, it } from 'vitest'
import type { Bench } from '../src/bench.ts'
import type { Candidate } from '../src/candidates.ts'
import { full, quick } from '../src/plan.ts'
import { run } from '../src/run.ts'
import { sample } from './samples.ts'

const services = ['direct', 'topology', 'baseline-flask', 'express', 'fastify', 'go']
const measured = (candidate: Candidate, work: string) => sample(candidate.name, work, 1)

/** A bench that measures nothing: the test is about which measurements a run requests. */
const bench: Bench = {
  fill: async () => {},
  writes: async (candidate, connections, _seconds, _round, keyed) =>
    measured(candidate, `${keyed ? 'keyed-' : ''}write-${connections}`),
  reads: async (candidate, rows) => measured(candidate, `read-${rows}`),
  openLoop: async (candidate, kind, { percent }) => measured(candidate, `${kind}-at-${percent}`),
  mix: async (candidate) => measured(candidate, 'mix'),
  list: async (candidate, rows) => measured(candidate, `list-${rows}`),
  commits: async (threads) => sample('commits', `commits-${threads}`, 1),
  dump: async (rows) => sample('dump', `list-${rows}`, 1),
}

it.each(['write-128', 'read-1000', 'mix', 'list-100000', 'list-1000000'])(
  'a full run measures %s of every service in every round',
  async (work) => {
    const samples = await run(bench, full, () => {})
    for (const name of services) {
      const own = samples.filter((sample) => sample.candidate === name && sample.work === work)
      expect(own, name).toHaveLength(full.rounds)
    }
  },
)

it('a full run offers parts of the peak that each service had in it', async () => {
  const offered: unknown[] = []
  const writing: Bench = {
    ...bench,
    writes: async (candidate, connections) => sample(candidate.name, `write-${connections}`, connections),
    openLoop: async (candidate, kind, rate) => {
      offered.push({ name: candidate.name, kind, ...rate })
      return measured(candidate, `${kind}-at-${rate.percent}`)
    },
  }
  await run(writing, full, () => {})
  for (const percent of [25, 50, 75, 90]) {
    for (const name of services) {
      expect(offered).toContainEqual({ name, kind: 'write', peak: 128, percent })
      expect(offered).toContainEqual({ name, kind: 'read', peak: 1, percent })
    }
    expect(offered).toContainEqual({ name: 'go-shared', kind: 'write', peak: 128, percent })
  }
})

it.each([full, quick])('a run measures the same writes three times first and last', async (plan) => {
  const works = (await run(bench, plan, () => {})).map(({ candidate, work }) => `${candidate} ${work}`)
  expect(works.slice(0, 3)).toEqual(Array(3).fill('direct first'))
  expect(works.slice(-3)).toEqual(Array(3).fill('direct last'))
})

it('a full run measures the writes of Go with shared INSERTs', async () => {
  const samples = await run(bench, full, () => {})
  const works = samples.filter(({ candidate }) => candidate === 'go-shared').map(({ work }) => work)
  expect(new Set(works)).toEqual(
    new Set(['write-1', 'write-32', 'write-128', ...full.openLoopPercents.map((each) => `write-at-${each}`)]),
  )
})
