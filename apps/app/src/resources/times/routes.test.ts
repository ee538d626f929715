import { describe, expect, it } from 'vitest'
import { toRange } from './routes.ts'

const now = Date.UTC(2026, 10, 22, 9, 33, 53)

describe('the range of counts', () => {
  it.each([
    ['minute', Date.UTC(2026, 10, 22, 8, 34), Date.UTC(2026, 10, 22, 9, 34)],
    ['hour', Date.UTC(2026, 10, 21, 10), Date.UTC(2026, 10, 22, 10)],
    ['day', Date.UTC(2026, 9, 24), Date.UTC(2026, 10, 23)],
  ] as const)('by default ends with the current %s', (per, from, to) => {
    expect(toRange({ per }, now)).toEqual({ per, from, to })
  })

  it('includes a period that has just begun', () => {
    const midnight = Date.UTC(2026, 10, 22)
    expect(toRange({ per: 'day' }, midnight).to).toBe(Date.UTC(2026, 10, 23))
  })

  it('is extended to complete periods', () => {
    const range = toRange({ per: 'hour', from: Date.UTC(2026, 0, 1, 1, 59), to: Date.UTC(2026, 0, 1, 2, 1) }, now)
    expect(range).toMatchObject({ from: Date.UTC(2026, 0, 1, 1), to: Date.UTC(2026, 0, 1, 3) })
  })

  it('must not be empty', () => {
    expect(() => toRange({ per: 'day', from: now, to: now - 86_400_000 }, now)).toThrow("'from' must be before 'to'.")
  })

  it('must not exceed 1,500 periods', () => {
    const day = 86_400_000
    expect(toRange({ per: 'day', from: 0, to: 1500 * day }, now).to).toBe(1500 * day)
    expect(() => toRange({ per: 'day', from: 0, to: 1500 * day + 1 }, now)).toThrow(
      'The range must not exceed 1,500 periods.',
    )
  })
})
