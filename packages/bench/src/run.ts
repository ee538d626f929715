import type { Bench } from './bench.ts'
import { constant, direct, file, labels, peers, topology, unshared } from './contestants.ts'
import type { Plan } from './plan.ts'
import type { Sample } from './samples.ts'

type Measure = (round: number) => Promise<Sample>

/** Measures everything, contestants interleaved within every round; `report` hears of each measurement. */
export async function run(bench: Bench, plan: Plan, report: (line: string) => void): Promise<Sample[]> {
  const { seconds, commitThreads } = plan
  const services = [direct, topology, ...peers]
  const writers = [...services, unshared, constant]
  const samples: Sample[] = []

  async function record(measuring: Promise<Sample>): Promise<Sample> {
    const sample = await measuring
    samples.push(sample)
    report(`${sample.round}/${plan.rounds} ${sample.work.padEnd(12)} ${labels[sample.contestant]}: ${shown(sample)}`)
    return sample
  }

  /** Every contestant in every round, each round beginning with another. */
  async function rounds(...measures: Measure[]): Promise<void> {
    for (let round = 1; round <= plan.rounds; round += 1) {
      const turn = round % measures.length
      for (const measure of [...measures.slice(turn), ...measures.slice(0, turn)]) await record(measure(round))
    }
  }

  async function bestCommits(round: number): Promise<Sample> {
    const tried: Sample[] = []
    for (const threads of commitThreads) tried.push(await record(bench.commits(threads, seconds, round)))
    const best = tried.toSorted((a, b) => b.perSecond - a.perSecond)[0] as Sample
    return { ...best, work: 'write-128' }
  }

  report('warming up')
  await bench.fill(1000)
  // All at once: nothing is measured yet.
  await Promise.all(services.map((contestant) => bench.reads(contestant, 1000, 3, 0)))
  await Promise.all(writers.map((contestant) => bench.writes(contestant, 8, 3, 0)))

  const limits: Readonly<Record<number, Measure>> = {
    1: async (round) => ({ ...(await bench.commits(1, seconds, round)), work: 'write-1' }),
    128: bestCommits,
  }
  for (const connections of plan.writers) {
    const limit = limits[connections]
    const contestants = connections > 1 || plan.peersAlone ? writers : [direct]
    await rounds(
      ...contestants.map((contestant) => (round: number) => bench.writes(contestant, connections, seconds, round)),
      ...(limit ? [limit] : []),
    )
  }

  for (const rows of [0, 1000]) {
    await bench.fill(rows)
    await rounds(
      ...[...services, file].map((contestant) => (round: number) => bench.reads(contestant, rows, seconds, round)),
    )
  }
  if (plan.mix) await rounds(...services.map((contestant) => (round: number) => bench.mix(contestant, seconds, round)))

  for (const rows of [100_000, 1_000_000]) {
    const readers = plan.peersListMany ? services : [direct, topology]
    await bench.fill(rows)
    await rounds(...readers.map((contestant) => (round: number) => bench.list(contestant, rows, round)), (round) =>
      bench.dump(rows, round),
    )
  }
  return samples
}

function shown(sample: Sample): string {
  const { perSecond, p50Ms, errors, correct } = sample
  const figure = sample.work.startsWith('list-') ? `${Math.round(p50Ms)} ms` : `${perSecond.toPrecision(3)}/s`
  return [figure, ...(errors > 0 ? [`${errors} errors`] : []), ...(correct ? [] : ['NOT CORRECT'])].join(', ')
}
