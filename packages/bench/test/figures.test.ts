import { expect, it } from 'vitest'
import { toFigures } from '../src/figures.ts'
import { sample } from './samples.ts'

it('keeps the median of each figure, and the spread of the rate', () => {
  const of = (round: number, perSecond: number, cpu: number) =>
    sample('direct', 'write-128', perSecond, {
      round,
      p99Ms: 10 * round,
      errors: round,
      cpuMsPerRequest: { app: cpu, web: 0.2 },
      peakMiB: { app: 60 + round },
    })
  expect(toFigures([of(1, 800, 0.3), of(2, 1200, 0.1), of(3, 1000, 0.23456)])).toEqual({
    direct: {
      'write-128': {
        rounds: 3,
        perSecond: 1000,
        spread: 0.4,
        p50Ms: 1,
        p99Ms: 20,
        errors: 6,
        cpuMsPerRequest: { app: 0.235, web: 0.2 },
        peakMiB: { app: 62 },
      },
    },
  })
})

it('keeps no figure that is not correct', () => {
  const figures = toFigures([sample('go', 'mix', 5, { correct: false })])
  expect(figures.go?.mix).toEqual({ rounds: 0, spread: 0, errors: 0 })
})
