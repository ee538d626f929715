import { setTimeout as delay } from 'node:timers/promises'
import { type Connection, query } from './connection.ts'
import { DatabaseOverloaded, DatabaseTimeout } from './errors.ts'

/** Of a server, whatever the number of processes that read from it. */
const lock = 'slow reads'
const retryMs = 20

/** A slow read mostly keeps a processor of the server busy: a tenth of the time for them. */
const restFactor = 9

/** When the latest slow read of a connection began, until its rest. */
const begunAt = new WeakMap<Connection, number>()

/**
 * Runs a read while no other slow one runs on the server.
 *
 * @param startBy as `performance.now()`.
 * @throws {DatabaseOverloaded} if it cannot begin by then.
 */
export async function runSlowRead<T>(connection: Connection, startBy: number, work: () => Promise<T>): Promise<T> {
  while (!(await claim(connection))) {
    if (performance.now() + retryMs > startBy) throw new DatabaseOverloaded('others read slowly')
    await delay(retryMs)
  }
  begunAt.set(connection, performance.now())
  return work()
}

async function claim(connection: Connection): Promise<boolean> {
  const [row] = await query(connection, 'SELECT GET_LOCK(?, 0) AS claimed', [lock])
  return row?.claimed === 1
}

/**
 * After a slow read, until the next one may begin. A connection that was lost has released the server, or does so once the
 * server ends it.
 *
 * @throws {DatabaseTimeout} if the server does not answer within a second.
 */
export async function restAfterSlowRead(connection: Connection): Promise<void> {
  const since = begunAt.get(connection)
  if (since === undefined) return
  begunAt.delete(connection)
  await delay(restFactor * (performance.now() - since), undefined, { ref: false })
  const expiry = delay(1000, undefined, { ref: false }).then(() => {
    throw new DatabaseTimeout('no answer to the release of the lock')
  })
  await Promise.race([query(connection, 'DO RELEASE_LOCK(?)', [lock]), expiry])
}
