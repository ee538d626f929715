import { hash, randomBytes } from 'node:crypto'
import { type Connection, query, queryAll, type Statement } from './connection.ts'
import { DatabaseError, DatabaseUnavailable } from './errors.ts'

/** A committed transaction. Data with its mark includes it, and everything that was committed before it. */
export interface CommitPoint {
  /** Of the connection that committed it: 16 hexadecimal digits. */
  readonly connection: string
  /** Grows with each transaction of the connection. */
  readonly number: number
}

/** What a read has seen: the data of a server, up to a beat of the heartbeat table and less than the next one. */
export interface ReadPoint {
  /** 12 hexadecimal digits. */
  readonly server: string
  readonly beat: number
}

/** A state that data may include. It rests on tables of the application: Aurora's readers have no GTIDs to wait for. */
export type Point = CommitPoint | ReadPoint

/** No server has the data any more that a read has to include: it was lost, or restored to an earlier state. */
export class DataNotFound extends Error {
  override readonly name = 'DataNotFound'
}

const writers = new WeakMap<Connection, { readonly id: string; number: number }>()

/** A mark to be written in a transaction of the connection, as its last statement; with the point that it identifies. */
function nextMark(connection: Connection): { statement: [string, unknown[]]; point: CommitPoint } {
  // A mark is never written twice. So after a loss of data, which ends the connection, no other transaction has it.
  const writer = writers.get(connection) ?? { id: randomBytes(8).toString('hex'), number: 0 }
  writers.set(connection, writer)
  writer.number += 1
  const { id, number } = writer
  return {
    statement: [
      `INSERT INTO commit_marks (id, number, marked_at) VALUES (?, ?, UTC_TIMESTAMP(3)) AS mark
       ON DUPLICATE KEY UPDATE number = mark.number, marked_at = mark.marked_at`,
      [Buffer.from(id, 'hex'), number],
    ],
    point: { connection: id, number },
  }
}

/** To be called at the end of a transaction's work: the point of its commit. */
export async function markCommit(connection: Connection): Promise<CommitPoint> {
  const { statement, point } = nextMark(connection)
  await query(connection, ...statement)
  return point
}

// ER_ERROR_DURING_COMMIT
const errorDuringCommit = 1180

/**
 * Runs the statements and a mark in a transaction, in one round trip: nobody waits for a lock that a lost connection
 * holds between two statements.
 *
 * @throws {DatabaseUnavailable} when it is not known whether it was committed.
 * @throws {DatabaseError} that of the statement that failed; nothing was changed.
 */
export async function commit(connection: Connection, ...statements: readonly Statement[]): Promise<CommitPoint> {
  const { statement, point } = nextMark(connection)
  await queryAll(connection, ['START TRANSACTION'], ...statements, statement, ['COMMIT']).catch(
    async (error: unknown) => {
      await query(connection, 'ROLLBACK')
      const unknown = error instanceof DatabaseError && error.errno === errorDuringCommit
      throw unknown ? new DatabaseUnavailable('writer: commit failed', { cause: error }) : error
    },
  )
  return point
}

const servers = new WeakMap<Connection, string>()

/** What statements on the connection have seen so far. */
export async function readPoint(connection: Connection): Promise<ReadPoint> {
  return { beat: await newestBeat(connection), server: await serverOf(connection) }
}

/** A beat that is not among those can only come later than what was read. */
async function newestBeat(connection: Connection): Promise<number> {
  const [row] = await query(connection, 'SELECT beat FROM heartbeat WHERE id = 1')
  return row?.beat ?? 0
}

async function serverOf(connection: Connection): Promise<string> {
  const known = servers.get(connection)
  if (known !== undefined) return known
  const [row] = await query(connection, 'SELECT CONCAT(@@server_uuid, @@hostname) AS name')
  const server = hash('sha256', String(row?.name)).slice(0, 12)
  servers.set(connection, server)
  return server
}

/** Whether the data that the connection leads to includes all of the points. @param isWriter it leads to the writer. */
export async function includes(connection: Connection, points: readonly Point[], isWriter: boolean): Promise<boolean> {
  for (const point of points) {
    const included = 'number' in point ? hasCommit(connection, point) : hasSeenAll(connection, point, isWriter)
    if (!(await included)) return false
  }
  return true
}

async function hasCommit(connection: Connection, point: CommitPoint): Promise<boolean> {
  const found = await query(connection, 'SELECT 1 FROM commit_marks WHERE id = ? AND number >= ?', [
    Buffer.from(point.connection, 'hex'),
    point.number,
  ])
  return found.length > 0
}

/** A server never goes back, and the writer has what each reader has. Another server shows it by a later beat. */
async function hasSeenAll(connection: Connection, { server, beat }: ReadPoint, isWriter: boolean): Promise<boolean> {
  const newest = await newestBeat(connection)
  return newest > beat || (newest === beat && (isWriter || server === (await serverOf(connection))))
}
