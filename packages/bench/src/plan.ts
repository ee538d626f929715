/** How long a run takes. */
export interface Plan {
  readonly rounds: number
  /** Of each measurement under load. */
  readonly seconds: number
  /** Threads of sysbench to find the best of. */
  readonly commitThreads: readonly number[]
  /** Whether the peers, too, list a million rows. */
  readonly peersListAMillion: boolean
}

/** Fit to be quoted. */
export const full: Plan = { rounds: 3, seconds: 5, commitThreads: [1, 8, 16, 32, 64], peersListAMillion: true }

/** In under three minutes: fit to see where things stand. */
export const quick: Plan = { rounds: 2, seconds: 1.5, commitThreads: [1, 16, 32], peersListAMillion: false }
