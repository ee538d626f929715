import { describe, expect, it } from 'vitest'
import { median, rounded, spread } from '../src/statistics.ts'

describe('median', () => {
  it('is the middle of an odd number of values, whatever their order', () => {
    expect(median([10, 9, 100])).toBe(10)
  })

  it('is the mean of the middle two of an even number', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })

  it('is undefined for no value', () => {
    expect(median([])).toBeUndefined()
  })
})

describe('spread', () => {
  it('is the range as a fraction of the median', () => {
    expect(spread([90, 100, 110])).toBeCloseTo(0.2)
  })

  it('is 0 for one value', () => {
    expect(spread([7])).toBe(0)
  })
})

describe('rounded', () => {
  it('keeps three digits', () => {
    expect([rounded(1234.5), rounded(0.98765), rounded(2)]).toEqual([1230, 0.988, 2])
  })
})
