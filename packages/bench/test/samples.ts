import type { Sample } from '../src/samples.ts'

/** A correct sample of the first round. */
export function sample(candidate: string, work: string, perSecond: number, more: Partial<Sample> = {}): Sample {
  return { candidate, work, round: 1, perSecond, p50Ms: 1000 / perSecond, errors: 0, correct: true, ...more }
}
