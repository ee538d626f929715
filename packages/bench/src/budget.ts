import type { Bench } from './bench.ts'
import type { Plan } from './plan.ts'
import { run } from './run.ts'
import type { Sample } from './samples.ts'

/** Seconds for what a measurement does besides its load: stored rows are removed and counted, statistics are read. */
const overhead = { write: 1.5, read: 1.3, mix: 1, list: 0.5, commits: 1.8, dump: 0.2 }

/** Seconds for building from cached layers, starting, warming up and removing. */
const startSeconds = 60

const rowsFilledPerSecond = 70_000

/** Seconds that a list of a million rows takes. */
const listSeconds = { 'baseline-flask': 18, others: 1.1, dump: 0.5 }

/** How long a run takes, as the sum of its measurements on two cores. */
export async function plannedSeconds(plan: Plan): Promise<number> {
  let total = startSeconds
  function spend(candidate: string, work: string, round: number, seconds: number): Promise<Sample> {
    // Round 0 warms up, all candidates at once.
    if (round > 0) total += seconds
    return Promise.resolve({ candidate, work, round, perSecond: 1, p50Ms: 1, errors: 0, correct: true })
  }
  const planned: Bench = {
    fill: async (rows) => {
      total += 0.5 + rows / rowsFilledPerSecond
    },
    writes: ({ name }, connections, seconds, round) =>
      spend(name, `write-${connections}`, round, seconds + overhead.write),
    reads: ({ name }, rows, seconds, round) => spend(name, `read-${rows}`, round, seconds + overhead.read),
    mix: ({ name }, seconds, round) => spend(name, 'mix', round, seconds + overhead.mix),
    openLoop: ({ name }, kind, { percent }, seconds) =>
      spend(name, `${kind}-at-${percent}`, 1, seconds + overhead[kind]),
    list({ name }, rows, round) {
      const each = (rows / 1_000_000) * (name === 'baseline-flask' ? listSeconds[name] : listSeconds.others)
      return spend(name, `list-${rows}`, round, 2 * each + overhead.list)
    },
    commits: (threads, seconds, round) => spend('commits', `commits-${threads}`, round, seconds + overhead.commits),
    dump: (rows, round) => spend('dump', `list-${rows}`, round, (rows / 1_000_000) * listSeconds.dump + overhead.dump),
  }
  await run(planned, plan, () => {})
  return total
}
