import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { type Bench, databases } from './bench.ts'
import { topology } from './candidates.ts'
import type { Sample } from './samples.ts'
import { median, rounded } from './statistics.ts'
import type { WithUsage } from './usage.ts'

/** The composed topology under writes; a group of results/latest.json. */
export interface Capacity {
  /** Writes per second without limits. */
  readonly perSecond: number
  /** Without limits. By service, of all its containers. */
  readonly costs: Readonly<Record<string, Cost>>
  /** By the tier that is limited. */
  readonly calibrations: Readonly<Record<string, Calibration>>
  /** By the tier that is limited, then by `--cpus` of each of its instances. */
  readonly knees: Readonly<Record<string, Readonly<Record<string, Knee>>>>
}

/** What a service uses. */
interface Cost {
  /** Cores without requests. */
  readonly restCores: number
  /** CPU time per write beyond that. */
  readonly msPerWrite: number
}

/** What a write costs a tier under a limit. */
interface Calibration {
  /** `--cpus` of each of its instances. */
  readonly cpus: number
  readonly msPerWrite: number
}

/** Writes per second. */
interface Knee {
  /** From the calibration. */
  readonly predicted: number
  readonly measured: number
  /** Of the prediction, as a fraction of what was measured. */
  readonly deviation: number
  /** The prediction from the cost without limits. */
  readonly uncalibrated: number
}

/** Gives each instance of a tier at most so many cores. Resolves with the number of instances. */
export type Limit = (tier: string, cpus: number) => Promise<number>

/** As in the open loop: the cost of a write falls with the number of writes in flight. */
const connections = 128
const costRounds = 3
const writeSeconds = 5
const restSeconds = 8

/**
 * By tier, `--cpus` of each instance: one limit to measure the cost of a write, three to predict. Low enough that the two
 * cores of a small machine suffice for all other services.
 */
const limits = {
  web: { calibrated: 0.15, predicted: [0.1, 0.125, 0.2] },
  app: { calibrated: 0.1, predicted: [0.05, 0.075, 0.125] },
}

/** The range of the search as multiples of the prediction: what is not in it is not within the tolerance. */
const range = { low: 0.6, high: 1.4, steps: 4 }
/** What the topology must achieve of a rate, and within which 99th percentile, to carry it. */
const carried = { fraction: 0.95, p99Ms: 500 }

const tolerance = 0.2

/** @param report called with a line per measurement. */
export async function measureCapacity(
  bench: Bench,
  withUsage: WithUsage,
  limit: Limit,
  report: (line: string) => void,
): Promise<Capacity> {
  report('warming up')
  for (let round = 0; round < 2; round += 1) await bench.writes(topology, connections, writeSeconds, 0)
  report('at rest')
  const services = [...topology.services, ...databases]
  const { usage } = await withUsage(services, 1000, () => delay(restSeconds * 1000))
  async function writes(): Promise<Sample[]> {
    const samples: Sample[] = []
    for (let round = 1; round <= costRounds; round += 1) {
      const sample = await bench.writes(topology, connections, writeSeconds, round)
      if (!sample.correct) throw new Error('The stored rows do not match the acknowledged writes.')
      report(`  ${rounded(sample.perSecond)} writes/s over ${connections} connections`)
      samples.push(sample)
    }
    return samples
  }

  function costOf(service: string, samples: readonly Sample[]): Cost {
    const restCores = (usage.cpuSeconds[service] ?? 0) / restSeconds
    const perWrite = samples.map(
      ({ cpuMsPerRequest, perSecond }) => (cpuMsPerRequest?.[service] ?? 0) - (1000 * restCores) / perSecond,
    )
    return { restCores: rounded(restCores), msPerWrite: middle(perWrite) }
  }

  async function carries(tier: string, rate: number): Promise<boolean> {
    const sample = await bench.openLoop(topology, 'write', { peak: rate, percent: 100 }, writeSeconds)
    const { perSecond: achieved, p99Ms = Number.POSITIVE_INFINITY, correct, cpuMsPerRequest } = sample
    const isCarried = correct && achieved >= carried.fraction * rate && p99Ms <= carried.p99Ms
    const cost = rounded(cpuMsPerRequest?.[tier] ?? Number.NaN)
    const figures = `${rounded(achieved)} of ${rounded(rate)} writes/s, p99 ${rounded(p99Ms)} ms, ${cost} ms of CPU each`
    report(`  ${figures}: ${isCarried ? 'carried' : 'not carried'}`)
    return isCarried
  }

  report('without limits')
  const unlimited = await writes()
  const costs = Object.fromEntries(services.map((service) => [service, costOf(service, unlimited)]))
  const calibrations: Record<string, Calibration> = {}
  const knees: Record<string, Record<string, Knee>> = {}
  for (const [tier, { calibrated, predicted: others }] of Object.entries(limits)) {
    const instances = await limit(tier, calibrated)
    report(`${tier} with --cpus ${calibrated}`)
    const cost = costOf(tier, await writes())
    calibrations[tier] = { cpus: calibrated, msPerWrite: cost.msPerWrite }
    const ofTier: Record<string, Knee> = {}
    for (const cpus of others) {
      await limit(tier, cpus)
      const predicted = predictKnee(cost, instances, cpus)
      report(`${tier} with --cpus ${cpus}: ${rounded(predicted)} writes/s predicted`)
      const measured = await findKnee(
        (rate) => carries(tier, rate),
        range.low * predicted,
        range.high * predicted,
        range.steps,
      )
      ofTier[cpus] = {
        predicted: rounded(predicted),
        measured: rounded(measured),
        deviation: rounded(predicted / measured - 1),
        uncalibrated: rounded(predictKnee(costs[tier] as Cost, instances, cpus)),
      }
    }
    await limit(tier, availableParallelism())
    knees[tier] = ofTier
  }
  return { perSecond: middle(unlimited.map(({ perSecond }) => perSecond)), costs, calibrations, knees }
}

const middle = (values: readonly number[]) => rounded(median(values) as number)

/** The rate at which the instances have no CPU time left. */
export const predictKnee = ({ restCores, msPerWrite }: Cost, instances: number, cpus: number): number =>
  ((instances * cpus - restCores) * 1000) / msPerWrite

/** The highest rate that was carried, by bisection between two rates; 0 if none was. */
export async function findKnee(
  carries: (rate: number) => Promise<boolean>,
  low: number,
  high: number,
  steps: number,
): Promise<number> {
  let [knee, below, above] = [0, low, high]
  for (let step = 0; step < steps; step += 1) {
    const rate = (below + above) / 2
    if (await carries(rate)) {
      knee = rate
      below = rate
    } else {
      above = rate
    }
  }
  return knee
}

/** Predictions and measurements for a terminal. */
export const formatKnees = ({ knees }: Capacity): string =>
  Object.entries(knees)
    .flatMap(([tier, ofTier]) =>
      Object.entries(ofTier).map(
        ([cpus, { predicted, measured, deviation }]) =>
          `${tier} --cpus ${cpus.padEnd(6)} predicted ${predicted}/s, measured ${measured}/s, deviation ${(100 * deviation).toFixed(0)} %`,
      ),
    )
    .join('\n')

/** @throws if a prediction is not within the tolerance. */
export function verifyPredictions({ knees }: Capacity): void {
  const deviations = Object.values(knees).flatMap((ofTier) => Object.values(ofTier).map(({ deviation }) => deviation))
  if (deviations.some((deviation) => !(Math.abs(deviation) <= tolerance)))
    throw new Error(`A prediction is not within ${100 * tolerance} % of what was measured. The results are not kept.`)
}
