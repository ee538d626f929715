import type { Status } from './api.ts'

/** One resource's part of the page. */
export interface Resource {
  /** Called with the result of each successful status request. */
  update(status: Status): void
}
