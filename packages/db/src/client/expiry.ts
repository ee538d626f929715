import type { ResultSetHeader } from 'mysql2'
import type { DatabaseClient } from './client.ts'
import { type Connection, query } from './connection.ts'

/**
 * Removes the idempotency keys and the commit marks of more than 25 hours about once a minute: an hour more than is
 * promised, for clocks that differ. Several processes may do so at the same time.
 *
 * @returns a function that stops it.
 */
export function startExpiry(client: DatabaseClient): () => void {
  let removing = false

  async function removeAll(): Promise<void> {
    if (removing) return
    removing = true
    // The next time is soon enough for what an unavailable database, or another process, prevents now.
    for (const remove of [removeExpiredKeys, removeExpiredMarks]) {
      while ((await remove(client).catch(() => 0)) === expiryBatch);
    }
    removing = false
  }

  const timer = setInterval(removeAll, 60_000 * (0.75 + 0.5 * Math.random())).unref()
  return () => clearInterval(timer)
}

/** So few that their locks and their commit are no burden. */
const expiryBatch = 1000

/** By the clock that is behind, the server's or this one's: if one is set forward, nothing is removed early. */
const expired = 'LEAST(UTC_TIMESTAMP(3), CAST(? AS DATETIME(3))) - INTERVAL 25 HOUR'
const now = () => new Date().toISOString().slice(0, 23)

/** Removes some of the keys that have expired. @returns how many. */
export function removeExpiredKeys(client: DatabaseClient): Promise<number> {
  return client.write(async (connection) => {
    // For one statement: it locks the rows that it removes, not the gaps between them.
    await query(connection, 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED')
    const sql = `DELETE FROM idempotency_keys WHERE created_at < ${expired} ORDER BY created_at LIMIT ?`
    return remove(connection, sql, [now(), expiryBatch])
  })
}

/** Removes some of the marks that have expired: few, since there is one per connection. @returns how many. */
export function removeExpiredMarks(client: DatabaseClient): Promise<number> {
  return client.write(async (connection) => {
    // Without an index, which each commit would have to change, a DELETE would lock the rows of all connections.
    const marks = await query(connection, `SELECT id FROM commit_marks WHERE marked_at < ${expired} LIMIT ?`, [
      now(),
      expiryBatch,
    ])
    if (marks.length === 0) return 0
    return remove(connection, 'DELETE FROM commit_marks WHERE id IN (?)', [marks.map(({ id }) => id)])
  })
}

async function remove(connection: Connection, sql: string, values: unknown[]): Promise<number> {
  const { affectedRows } = await query<ResultSetHeader>(connection, sql, values)
  return affectedRows
}
