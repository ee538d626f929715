import { expect, it } from 'vitest'
import { plannedSeconds } from '../src/budget.ts'
import { full, quick } from '../src/plan.ts'

const minute = 60

it.each([
  ['full', full, 40 * minute],
  ['quick', quick, 3 * minute],
])('a %s run is planned to take at most its limit', async (_name, plan, limit) => {
  expect(await plannedSeconds(plan)).toBeLessThanOrEqual(limit)
})

it('is the sum of all measurements', async () => {
  const seconds = await plannedSeconds(quick)
  expect(await plannedSeconds({ ...quick, rounds: quick.rounds + 1 })).toBeGreaterThan(seconds + 20)
  expect(await plannedSeconds({ ...quick, openLoopPercents: [75], openLoopSeconds: 10 })).toBeGreaterThan(seconds + 100)
})
