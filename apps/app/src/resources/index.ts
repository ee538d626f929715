import type { Resource } from './resource.ts'
import { times } from './times/resource.ts'

/** The resources of this application. */
export const resources: readonly Resource[] = [
  // One line each; their routes are matched in this order.
  times,
]
