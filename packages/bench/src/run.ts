import type { Bench } from './bench.ts'
import {
  baselines,
  type Candidate,
  constant,
  direct,
  file,
  goShared,
  labels,
  topology,
  unbatched,
} from './candidates.ts'
import type { Plan } from './plan.ts'
import { medianOf, type Sample } from './samples.ts'

/** Of the candidate that is measured first and last; a single rate varies as much as the limit allows. */
const noiseRounds = 3

type Measure = (round: number) => Promise<Sample>

/** Runs the plan, candidates interleaved within every round. @param report called with a line per measurement. */
export async function run(bench: Bench, plan: Plan, report: (line: string) => void): Promise<Sample[]> {
  const { seconds, commitThreads } = plan
  const services = [direct, topology, ...baselines]
  const writers = [...services, goShared, unbatched, constant]
  const samples: Sample[] = []

  async function record(measuring: Promise<Sample>): Promise<Sample> {
    const sample = await measuring
    samples.push(sample)
    report(`${sample.round} ${sample.work.padEnd(12)} ${labels[sample.candidate]}: ${shown(sample)}`)
    return sample
  }

  /** Every candidate in every round; each round begins with another one. */
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

  /** The same work at both ends of a run: what differs is the machine. */
  async function measureNoise(work: 'first' | 'last'): Promise<void> {
    for (let round = 1; round <= noiseRounds; round += 1) {
      await record(bench.writes(direct, 128, seconds, round).then((sample) => ({ ...sample, work })))
    }
  }

  /** @param peakWork what was measured for the peaks. */
  async function openLoops(kind: 'write' | 'read', peakWork: string, candidates: readonly Candidate[]): Promise<void> {
    for (const percent of plan.openLoopPercents) {
      for (const candidate of candidates) {
        const peak = medianOf(samples, candidate.name, peakWork, 'perSecond')
        if (peak) await record(bench.openLoop(candidate, kind, { peak, percent }, plan.openLoopSeconds))
      }
    }
  }

  async function warmUp(): Promise<void> {
    report('warming up')
    await bench.fill(1000)
    // All at once: these samples are not used.
    await Promise.all(services.map((candidate) => bench.reads(candidate, 1000, 3, 0)))
    await Promise.all(writers.map((candidate) => bench.writes(candidate, 8, 3, 0)))
  }

  async function measureWrites(): Promise<void> {
    const limits: Readonly<Record<number, Measure>> = {
      1: async (round) => ({ ...(await bench.commits(1, seconds, round)), work: 'write-1' }),
      128: bestCommits,
    }
    for (const connections of plan.writeConnections) {
      const limit = limits[connections]
      const candidates = connections > 1 || plan.baselineSingleWrites ? writers : [direct]
      await rounds(
        ...candidates.map((candidate) => (round: number) => bench.writes(candidate, connections, seconds, round)),
        (round) => bench.writes(direct, connections, seconds, round, true),
        ...(limit ? [limit] : []),
      )
    }
    await openLoops('write', 'write-128', [...services, goShared])
  }

  async function measureReads(): Promise<void> {
    for (const rows of [0, 1000]) {
      await bench.fill(rows)
      await rounds(
        ...[...services, file].map((candidate) => (round: number) => bench.reads(candidate, rows, seconds, round)),
      )
    }
    await openLoops('read', 'read-1000', services)
    if (plan.mix) await rounds(...services.map((candidate) => (round: number) => bench.mix(candidate, seconds, round)))
  }

  async function measureLists(): Promise<void> {
    for (const rows of [100_000, 1_000_000]) {
      const readers = plan.baselineLongLists ? services : [direct, topology]
      await bench.fill(rows)
      await rounds(...readers.map((candidate) => (round: number) => bench.list(candidate, rows, round)), (round) =>
        bench.dump(rows, round),
      )
    }
  }

  await warmUp()
  await measureNoise('first')
  await measureWrites()
  await measureReads()
  await measureLists()
  await measureNoise('last')
  return samples
}

function shown(sample: Sample): string {
  const { perSecond, p50Ms, errors, correct } = sample
  const figure = sample.work.startsWith('list-') ? `${Math.round(p50Ms)} ms` : `${perSecond.toPrecision(3)}/s`
  return [figure, ...(errors > 0 ? [`${errors} errors`] : []), ...(correct ? [] : ['NOT CORRECT'])].join(', ')
}
