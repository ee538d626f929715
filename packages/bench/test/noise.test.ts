import { describe, expect, it } from 'vitest'
import { verifyNoise } from '../src/noise.ts'
import type { Sample } from '../src/samples.ts'
import { sample } from './samples.ts'

const samples = (work: string, ...rates: readonly number[]): Sample[] =>
  rates.map((perSecond, at) => sample('direct', work, perSecond, { round: at + 1 }))

describe('the noise of a run', () => {
  it.each([
    [1000, 1000, 0],
    [1000, 900, 0.1],
    [1000, 1140, 0.14],
  ])('of %d writes per second first and %d last is %d', (first, last, noise) => {
    expect(verifyNoise([...samples('first', first), ...samples('last', last)])).toBeCloseTo(noise)
  })

  it('is that of the medians', () => {
    expect(verifyNoise([...samples('first', 500, 1000, 1100), ...samples('last', 1000, 990, 100)])).toBe(0.01)
  })

  it.each([
    [1000, 840],
    [1000, 1160],
  ])('is too much if %d writes per second first are %d last', (first, last) => {
    expect(() => verifyNoise([...samples('first', first), ...samples('last', last)])).toThrow(/not kept: .* 15 %/)
  })

  it('has to be measured, with correct results', () => {
    expect(() => verifyNoise(samples('first', 1000))).toThrow('not kept')
    const wrong = sample('direct', 'last', 1000, { correct: false })
    expect(() => verifyNoise([...samples('first', 1000), wrong])).toThrow('not kept')
  })
})
