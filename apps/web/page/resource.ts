/** One resource's part of the page. */
export interface Resource {
  /** Called after each successful status request. `newest` changes whenever the stored data does. */
  update(newest: number): void
}
