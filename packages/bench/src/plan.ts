/** What a run measures, and for how long. */
export interface Plan {
  readonly rounds: number
  /** Of each measurement under load. */
  readonly seconds: number
  /** Numbers of concurrent connections that write. */
  readonly writeConnections: readonly number[]
  /** Numbers of sysbench threads; the fastest counts. */
  readonly commitThreads: readonly number[]
  /** Whether mixed reads and writes are measured. */
  readonly mix: boolean
  /** Whether the baselines also write over one connection. No ratio needs it. */
  readonly baselineSingleWrites: boolean
  /** Whether the baselines also list 100,000 and 1,000,000 rows. */
  readonly baselineLongLists: boolean
  /** Rates of the open loop, in percent of each candidate's own peak in this run. */
  readonly openLoopPercents: readonly number[]
  /** Of each of these measurements, of which there is one. */
  readonly openLoopSeconds: number
}

/** For figures that are published, in at most 40 minutes. */
export const full: Plan = {
  rounds: 3,
  seconds: 5,
  writeConnections: [1, 32, 128],
  commitThreads: [1, 8, 16, 32, 64],
  mix: true,
  baselineSingleWrites: true,
  baselineLongLists: true,
  openLoopPercents: [25, 50, 75, 90],
  openLoopSeconds: 10,
}

/** In at most three minutes: for comparing two states of the code. */
export const quick: Plan = {
  rounds: 1,
  seconds: 1,
  writeConnections: [1, 128],
  commitThreads: [16, 32],
  mix: false,
  baselineSingleWrites: false,
  baselineLongLists: false,
  openLoopPercents: [],
  openLoopSeconds: 0,
}
