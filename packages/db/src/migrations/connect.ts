import { setTimeout as delay } from 'node:timers/promises'
import type { ConnectionOptions } from 'mysql2'
import { type Connection, connect, type Endpoint } from '../client/connection.ts'
import { DatabaseError } from '../client/errors.ts'

/** How long {@link connectPersistently} tries. */
export interface ConnectWait {
  /** No attempt begins later. @default 30000 */
  readonly connectWaitMs?: number
  /** Ends the attempts. @default never */
  readonly signal?: AbortSignal
}

/**
 * Connects as {@link connect} does, again and again while the server cannot be reached. Nothing is sent before, so
 * nothing is repeated. What the server refuses is final.
 *
 * @throws {DatabaseError} that of the last attempt.
 */
export async function connectPersistently(
  endpoint: Endpoint,
  options: ConnectionOptions = {},
  { connectWaitMs = 30_000, signal }: ConnectWait = {},
): Promise<Connection> {
  const until = performance.now() + connectWaitMs
  for (;;) {
    try {
      const connection = await connect(endpoint, 10_000, options)
      if (!signal?.aborted) return connection
      connection.destroy()
    } catch (error) {
      const isTransient = error instanceof DatabaseError && transientCodes.has(error.code)
      if (!isTransient || performance.now() + pauseMs > until) throw error
    }
    await delay(pauseMs, undefined, { signal })
  }
}

const pauseMs = 500

const transientCodes: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ENOTFOUND',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
  'PROTOCOL_CONNECTION_LOST',
  // Also of a refused certificate: the driver does not tell the two apart.
  'HANDSHAKE_SSL_ERROR',
  'ER_CON_COUNT_ERROR',
  'ER_SERVER_SHUTDOWN',
])
