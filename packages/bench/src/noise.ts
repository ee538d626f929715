import { direct } from './candidates.ts'
import { medianOf, type Sample } from './samples.ts'
import { rounded } from './statistics.ts'

const limitPercent = 15

/**
 * How much the rate of the candidate that is measured first and last differs, as a fraction of the first.
 *
 * @throws if the run is not to be kept: the difference is too large, or was not measured.
 */
export function verifyNoise(samples: readonly Sample[]): number {
  const [first, last] = ['first', 'last'].map((work) => medianOf(samples, direct.name, work, 'perSecond'))
  if (!first || !last)
    throw new Error(`The run is not kept: there is no correct first and last rate of ${direct.label}.`)
  const noise = Math.abs(last / first - 1)
  if (noise * 100 > limitPercent) {
    const rates = `${first} writes/s at first and ${last} at last, which differ by more than ${limitPercent} %`
    throw new Error(`The run is not kept: ${direct.label} had ${rates}. Leave the machine idle, and run it again.`)
  }
  return rounded(noise)
}
