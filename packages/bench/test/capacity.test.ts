import { describe, expect, it } from 'vitest'
import type { Bench } from '../src/bench.ts'
import {
  type Capacity,
  findKnee,
  formatKnees,
  type Limit,
  measureCapacity,
  predictKnee,
  verifyPredictions,
} from '../src/capacity.ts'
import type { WithUsage } from '../src/usage.ts'
import { sample } from './samples.ts'

describe('findKnee', () => {
  const upTo = (capacity: number) => (rate: number) => Promise.resolve(rate <= capacity)

  it.each([61, 75, 100, 139])('finds a capacity of %i within a step of the range', async (capacity) => {
    const knee = await findKnee(upTo(capacity), 60, 140, 4)
    expect(knee).toBeLessThanOrEqual(capacity)
    expect(knee).toBeGreaterThan(capacity - 80 / 2 ** 4 - (capacity < 65 ? 60 : 0))
  })

  it('is 0 if no rate is carried', async () => {
    expect(await findKnee(upTo(50), 60, 140, 4)).toBe(0)
  })

  it('tries no more rates than there are steps', async () => {
    const tried: number[] = []
    await findKnee((rate) => Promise.resolve(tried.push(rate) > 1), 60, 140, 3)
    expect(tried).toEqual([100, 80, 90])
  })
})

it('predicts the knee from what the instances have left', () => {
  expect(predictKnee({ restCores: 0.02, msPerWrite: 0.4 }, 2, 0.06)).toBeCloseTo(250)
})

const knees = (deviation: number): Capacity => ({
  perSecond: 900,
  costs: {},
  calibrations: {},
  knees: { web: { '0.05': { predicted: 240, measured: 200, deviation, uncalibrated: 300 } } },
})

describe('the prediction', () => {
  it('is shown beside what was measured', () => {
    expect(formatKnees(knees(0.2))).toBe('web --cpus 0.05   predicted 240/s, measured 200/s, deviation 20 %')
  })

  it('must be within 20 % of what was measured', () => {
    expect(() => verifyPredictions(knees(0.2))).not.toThrow()
    expect(() => verifyPredictions(knees(-0.2))).not.toThrow()
    for (const deviation of [0.21, -0.21, Number.POSITIVE_INFINITY]) {
      expect(() => verifyPredictions(knees(deviation))).toThrow('not kept')
    }
  })
})

/**
 * A topology whose tiers use CPU time in proportion to the writes.
 *
 * @param factor of the cost under a limit.
 */
function simulated(factor: (tier: string, cpus: number) => number) {
  const msPerWrite: Readonly<Record<string, number>> = { alb: 0.2, web: 0.4, app: 0.5 }
  const restCores = 0.01
  const unlimited = 2000
  let [capacity, costs] = [unlimited, msPerWrite]
  const limit: Limit = async (tier, cpus) => {
    const cost = (msPerWrite[tier] as number) * factor(tier, cpus)
    costs = { ...msPerWrite, [tier]: cost }
    capacity = Math.min(unlimited, ((2 * cpus - restCores) * 1000) / cost)
    return 2
  }
  const withUsage: WithUsage = async (services, _intervalMs, _work) => {
    const cpuSeconds = Object.fromEntries(services.map((service) => [service, restCores * 8]))
    return { result: undefined as never, usage: { cpuSeconds, startMiB: {}, peakMiB: {} } }
  }
  const bench: Pick<Bench, 'writes' | 'openLoop'> = {
    writes: async () => {
      const each = Object.entries(costs).map(([service, ms]) => [service, ms + (1000 * restCores) / capacity])
      return sample('topology', 'write-128', capacity, { cpuMsPerRequest: Object.fromEntries(each) })
    },
    openLoop: async (_candidate, _kind, { peak }) =>
      // A queue that grows during five seconds.
      sample('topology', 'write-at-100', Math.min(peak, capacity), {
        p99Ms: 200 + Math.max(0, peak / capacity - 1) * 5000,
      }),
  }
  return measureCapacity(bench as Bench, withUsage, limit, () => {})
}

describe('measureCapacity', () => {
  it('predicts the knees of tiers whose cost of a write is the same under every limit', async () => {
    const capacity = await simulated(() => 1.5)
    expect(capacity.perSecond).toBe(2000)
    expect(capacity.costs.web).toEqual({ restCores: 0.01, msPerWrite: 0.4 })
    expect(capacity.calibrations).toEqual({
      web: { cpus: 0.15, msPerWrite: 0.6 },
      app: { cpus: 0.1, msPerWrite: 0.75 },
    })
    expect(Object.keys(capacity.knees)).toEqual(['web', 'app'])
    expect(capacity.knees.web?.['0.125']).toMatchObject({ predicted: 400, uncalibrated: 600 })
    const deviations = Object.values(capacity.knees).flatMap((each) => Object.values(each).map((one) => one.deviation))
    expect(deviations).toHaveLength(6)
    for (const deviation of deviations) expect(Math.abs(deviation)).toBeLessThan(0.1)
    expect(() => verifyPredictions(capacity)).not.toThrow()
  })

  it('does not predict those of a tier whose cost changes with the limit', async () => {
    const capacity = await simulated((tier, cpus) => (tier === 'app' && cpus < 0.1 ? 1.35 : 1))
    expect(() => verifyPredictions(capacity)).toThrow('not kept')
  })
})
