import { expect, it } from 'vitest'
import type { Bench } from '../src/bench.ts'
import type { Contestant } from '../src/contestants.ts'
import { full } from '../src/plan.ts'
import { run } from '../src/run.ts'
import { sample } from './samples.ts'

const services = ['direct', 'topology', 'seed', 'express', 'fastify']
const measured = (contestant: Contestant, work: string) => sample(contestant.name, work, 1)

/** A bench that measures nothing, for what a run asks of it. */
const bench: Bench = {
  fill: async () => {},
  writes: async (contestant, connections) => measured(contestant, `write-${connections}`),
  reads: async (contestant, rows) => measured(contestant, `read-${rows}`),
  mix: async (contestant) => measured(contestant, 'mix'),
  list: async (contestant, rows) => measured(contestant, `list-${rows}`),
  commits: async (threads) => sample('commits', `commits-${threads}`, 1),
  dump: async (rows) => sample('dump', `list-${rows}`, 1),
}

it.each(['write-128', 'read-1000', 'mix', 'list-100000', 'list-1000000'])(
  'a full run measures %s of every service in every round',
  async (work) => {
    const samples = await run(bench, full, () => {})
    for (const name of services) {
      const own = samples.filter((sample) => sample.contestant === name && sample.work === work)
      expect(own, name).toHaveLength(full.rounds)
    }
  },
)
