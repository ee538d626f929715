/** Something that breaks the release before, or a client of it. */
export interface Finding {
  /** What it concerns, as a declaration names it: `tickets`, `tickets.title`. */
  readonly object: string
  readonly problem: string
  /** How to reach the same end without the break. */
  readonly wayOut: string
}
