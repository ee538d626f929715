import { expect, it } from 'vitest'
import { largeSizes, slowestP99, statsPaths } from '../src/large.ts'

it('counts over the longest ranges, within the rows', () => {
  const rows = 10_000_000
  const ranges = statsPaths(rows).map((path) => {
    const { searchParams } = new URL(path, 'http://alb')
    const [from, to] = ['from', 'to'].map((name) => (Date.parse(searchParams.get(name) ?? '') - Date.UTC(2020)) / 1000)
    return { per: searchParams.get('per'), from, to }
  })
  expect(ranges).toEqual([
    { per: 'minute', from: 0, to: 90_000 },
    { per: 'minute', from: 4_954_980, to: 5_044_980 },
    { per: 'minute', from: 9_909_960, to: 9_999_960 },
    { per: 'hour', from: 0, to: 5_400_000 },
    { per: 'hour', from: 2_296_800, to: 7_696_800 },
    { per: 'hour', from: 4_597_200, to: 9_997_200 },
    { per: 'day', from: 0, to: 9_936_000 },
  ])
})

it('names the figures after the rows', () => {
  expect(largeSizes).toEqual({ p99MsAt10M: 10_000_000, p99MsAt100M: 100_000_000 })
})

it('takes the slowest range, and none if a request failed', () => {
  const answered = { refused: 0, unanswered: 0 }
  const loads = [5, 41.234, 20].map((p99Ms) => ({ ...answered, p99Ms }))
  expect(slowestP99(loads)).toBe(41.2)
  expect(slowestP99([...loads, { p99Ms: 1, refused: 1, unanswered: 0 }])).toBeUndefined()
  expect(slowestP99([...loads, { p99Ms: 1, refused: 0, unanswered: 1 }])).toBeUndefined()
})
