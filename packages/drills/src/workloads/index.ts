import type { Workload } from '../workload.ts'
import { times } from './times.ts'

/** The resources that the drills can use; the first is the default. */
export const workloads: readonly Workload[] = [
  // One line each.
  times,
]
