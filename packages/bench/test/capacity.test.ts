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
  knees: { web: { '0.05': { predicted: 240, measured: 200, deviation } } },
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

/** A topology whose tiers use CPU time in proportion to the writes. */
function simulated(msPerWrite: Readonly<Record<string, number>>, throttled = msPerWrite) {
  const restCores = 0.01
  const unlimited = 900
  let capacity = unlimited
  const limit: Limit = async (tier, cpus) => {
    capacity = Math.min(unlimited, ((2 * cpus - restCores) * 1000) / (throttled[tier] as number))
    return 2
  }
  const withUsage: WithUsage = async (services, _intervalMs, _work) => {
    const cpuSeconds = Object.fromEntries(services.map((service) => [service, restCores * 8]))
    return { result: undefined as never, usage: { cpuSeconds, startMiB: {}, peakMiB: {} } }
  }
  const bench: Pick<Bench, 'writes' | 'openLoop'> = {
    writes: async () => {
      const each = Object.entries(msPerWrite).map(([service, ms]) => [service, ms + (1000 * restCores) / unlimited])
      return sample('topology', 'write-32', unlimited, { cpuMsPerRequest: Object.fromEntries(each) })
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
  it('predicts the knees of a topology whose costs do not depend on the limits', async () => {
    const capacity = await simulated({ alb: 0.2, web: 0.4, app: 0.5 })
    expect(capacity.perSecond).toBe(900)
    expect(capacity.costs.web).toEqual({ restCores: 0.01, msPerWrite: 0.4 })
    expect(Object.keys(capacity.knees)).toEqual(['web', 'app'])
    expect(capacity.knees.web?.['0.075']).toMatchObject({ predicted: 350 })
    const deviations = Object.values(capacity.knees).flatMap((each) => Object.values(each).map((one) => one.deviation))
    expect(deviations).toHaveLength(6)
    for (const deviation of deviations) expect(Math.abs(deviation)).toBeLessThan(0.1)
    expect(() => verifyPredictions(capacity)).not.toThrow()
  })

  it('does not predict those of one that costs more under a limit', async () => {
    const costs = { alb: 0.2, web: 0.4, app: 0.5 }
    const capacity = await simulated(costs, { ...costs, app: 0.65 })
    expect(() => verifyPredictions(capacity)).toThrow('not kept')
  })
})
