import { setTimeout as delay } from 'node:timers/promises'
import type { QueryResult } from 'mysql2'
import { type Connection, query } from '../client/connection.ts'
import { DatabaseError } from '../client/errors.ts'
import { MigrationError } from './load.ts'

/**
 * How long a statement waits for a lock. A change of a table that waits for a transaction blocks every later query of
 * that table, so it waits briefly, and lets them pass before it is tried again.
 */
export interface LockWait {
  readonly seconds: number
  readonly attempts: number
  readonly pauseMs: number
}

/** Runs a statement whose error names `what` it is part of. */
export type Run = <Result extends QueryResult>(what: string, sql: string, values?: unknown[]) => Promise<Result>

export function createRunner(connection: Connection, { seconds, attempts, pauseMs }: LockWait): Run {
  return async <Result extends QueryResult>(what: string, sql: string, values?: unknown[]) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await query<Result>(connection, sql, values)
      } catch (error) {
        const waited = error instanceof DatabaseError && lockErrorCodes.has(error.errno ?? 0)
        if (waited && attempt < attempts) {
          await delay(pauseMs)
          continue
        }
        const reason = error instanceof Error ? error.message : String(error)
        const hint = waited ? `; ${lockMessage(seconds, attempts)}` : ''
        throw new MigrationError(`${what}: ${reason}${hint}`, { cause: error })
      }
    }
  }
}

// ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK
const lockErrorCodes = new Set([1205, 1213])

const lockMessage = (seconds: number, attempts: number) =>
  `${attempts} attempts waited for ${seconds} s each. Probably a transaction that uses the table has been open for ` +
  'long. Find it: SELECT trx_mysql_thread_id, trx_started FROM information_schema.INNODB_TRX ORDER BY trx_started. ' +
  'End it: KILL followed by its trx_mysql_thread_id. Then migrate again'
