import type { HttpRequest, HttpResponse } from './http.ts'

/** A span of time in milliseconds since 1970, both ends included. */
export interface Interval {
  readonly from: number
  readonly to: number
}

/** A replacement in a source file; `from` occurs there exactly once. */
export interface Patch {
  /** Its path from the repository's root. */
  readonly file: string
  readonly from: string
  readonly to: string
}

/** Environment variables of a service. */
export type Environment = Readonly<Record<string, string>>

/** A table with the number of rows per period. A row's time has the number of the row as seconds since 2020. */
export interface Counts {
  /** Its columns are generation, per, starts_at, part and n; the count of a period is the sum of its parts. */
  readonly table: string
  /** SQL that selects the generation whose rows count. */
  readonly generation: string
  /** The variable that keeps the trigger from counting the rows of a session one by one. */
  readonly counted: string
  /** The length of each kind of period. */
  readonly seconds: Readonly<Record<string, number>>
}

/** What an INSERT of many rows stores. */
export interface NumberedRow {
  readonly columns: string
  /** The values of the columns by the number `n` of the row, as SQL. */
  readonly values: string
  /** The numbers below have different values, as the table requires. @default all numbers have, or need not */
  readonly capacity?: number
}

/** A resource as the drills use it: how to store a row, what the answer acknowledges, which rows are stored. */
export interface Workload {
  readonly name: string
  /** Its table, with the database's name. */
  readonly table: string
  /** Lists every row. */
  readonly listPath: string
  /** Lists the newest 20 rows. */
  readonly newestPath: string
  /** A read that summarizes every row, another one for each `n`, so that none is shared. @default the list of every row */
  summaryPath?(n: number): string
  /** The tables that each row refers to, whose row with the id 1 is created before a drill. @default none */
  readonly parents?: readonly string[]
  /** A request that stores one row. */
  write(): HttpRequest
  /** When the acknowledged row was stored, according to the answer to a write; undefined if nothing is acknowledged. */
  acknowledged(response: HttpResponse): Interval | undefined
  /**
   * The latest time that each row of a list can have; undefined if the answer is not as the contract promises.
   *
   * @throws {SyntaxError} likewise, if it is no JSON.
   */
  listed(response: HttpResponse): readonly number[] | undefined
  /** SQL that selects the time of each row stored since then. Times are in milliseconds since 1970. */
  storedSince(since: number): string
  readonly numberedRow: NumberedRow
  /** @default its rows are not counted */
  readonly counts?: Counts
  /** Settings of the app with which few writes are in one commit. @default none */
  readonly smallBatches?: Environment
  /** Settings of the app with which writes queue without a limit. @default none */
  readonly unboundedQueue?: Environment
  /** Settings of the app with which complete lists take all places. @default none */
  readonly unboundedLists?: Environment
  /** A change of the app that acknowledges a write before its commit. @default none */
  readonly acknowledgeBeforeCommit?: Patch
}
