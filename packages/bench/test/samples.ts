import type { Sample } from '../src/samples.ts'

/** A correct sample of the first round, with what matters to a test. */
export function sample(contestant: string, work: string, perSecond: number, more: Partial<Sample> = {}): Sample {
  return { contestant, work, round: 1, perSecond, p50Ms: 1000 / perSecond, errors: 0, correct: true, ...more }
}
