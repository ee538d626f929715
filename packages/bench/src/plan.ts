/** What a run measures, and for how long. */
export interface Plan {
  readonly rounds: number
  /** Of each measurement under load. */
  readonly seconds: number
  /** Connections that write at the same time. */
  readonly writers: readonly number[]
  /** Threads of sysbench to find the best of. */
  readonly commitThreads: readonly number[]
  /** Whether the mix of reads and writes is measured. */
  readonly mix: boolean
  /** Whether the peers, too, write over one connection: no ratio needs them. */
  readonly peersAlone: boolean
  /** Whether the peers, too, list 100,000 and a million rows. */
  readonly peersListMany: boolean
}

/** Fit to be quoted. */
export const full: Plan = {
  rounds: 3,
  seconds: 5,
  writers: [1, 32, 128],
  commitThreads: [1, 8, 16, 32, 64],
  mix: true,
  peersAlone: true,
  peersListMany: true,
}

/** In under three minutes: fit to see where things stand. */
export const quick: Plan = {
  rounds: 2,
  seconds: 1,
  writers: [1, 128],
  commitThreads: [16, 32],
  mix: false,
  peersAlone: false,
  peersListMany: false,
}
