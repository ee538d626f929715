import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from 'mysql2'
import { connect, query } from './connection.ts'
import { DatabaseUnavailable } from './errors.ts'
import { createPool, type Pool } from './pool.ts'
import { createReaderLag, type ReaderLag } from './reader-lag.ts'
import { createSaveQueue } from './save-queue.ts'
import { share } from './share.ts'
import { type Frame, insertTimes, newestId, type Page, type Position, selectPage } from './times.ts'

/** Where a server listens. */
interface Address {
  readonly host: string
  readonly port: number
}

/** Everything a database needs to know. All times are in milliseconds. */
export interface DatabaseOptions {
  readonly writer: Address
  readonly reader: Address
  readonly user: string
  /** Asked at each connect, so that a rotated password is picked up. */
  readonly password: () => Promise<string>
  readonly tlsCa?: string | undefined
  readonly database: string
  readonly table: string
  readonly writerConnections: number
  readonly readerConnections: number
  /** The most reads waiting for a connection. */
  readonly readQueueLimit: number
  readonly connectTimeoutMs: number
  /** When a connection is replaced, so that it follows a moved name, a rotated password, a new server to share with. */
  readonly connectionMaxAgeMs: number
  /** A reader further behind than this is not read from. */
  readonly readerLagLimitMs: number
  /** From being asked to an answer, for each statement and for a save with all its waiting. */
  readonly deadlineMs: number
  /** The most times in one INSERT; 1 turns sharing off. */
  readonly saveBatchLimit: number
  readonly saveQueueLimit: number
}

/** The one resource, the stored times, and the health of the two endpoints it is kept behind. */
export interface Database {
  /**
   * Stores `time` through the writer; resolves after the commit.
   *
   * @throws {DatabaseUnavailable} the time may or may not be stored.
   * @throws {DatabaseOverloaded} the time is not stored.
   */
  save(time: Date): Promise<void>
  /**
   * A page of at most `limit` times from behind `after`, through the reader, or the writer while the reader is
   * away or too far behind. Each time is written into `frame`, by default into nothing.
   * Callers at the same time may get the same page, read after the last of them asked.
   *
   * @throws {DatabaseUnavailable}
   * @throws {DatabaseOverloaded}
   */
  page(limit: number, after?: Position, frame?: Frame): Promise<Page>
  /** Asks an endpoint a trivial question, with no falling back. @throws {DatabaseUnavailable} */
  ping(endpoint: 'writer' | 'reader'): Promise<void>
  /** Answers what was asked so far, then ends the connections. */
  close(): Promise<void>
}

/** Connects lazily: an unreachable database is an error of the calls, not of opening it. The caller closes it. */
export function openDatabase(options: DatabaseOptions): Database {
  const { table, connectTimeoutMs, deadlineMs } = options
  const writer = endpointPool('writer', options.writer, options.writerConnections, refuseReadOnly)
  const reader = endpointPool('reader', options.reader, options.readerConnections)
  let readerAwayUntil = 0
  let lag: ReaderLag | undefined

  function endpointPool(
    name: string,
    address: Address,
    limit: number,
    check?: (connection: Connection) => Promise<void>,
  ): Pool {
    return createPool({
      name,
      limit,
      queueLimit: options.readQueueLimit,
      maxAgeMs: options.connectionMaxAgeMs,
      async open() {
        const { user, database, tlsCa } = options
        const endpoint = { ...address, user, password: await options.password(), tlsCa }
        const connection = await connect(endpoint, connectTimeoutMs, { database })
        await check?.(connection).catch((error: unknown) => {
          connection.destroy()
          throw error
        })
        return connection
      },
    })
  }

  const queue = createSaveQueue({
    insert: insertThroughWriter,
    batchLimit: options.saveBatchLimit,
    // One statement under way gathers the largest batches; without sharing every connection works.
    concurrency: options.saveBatchLimit === 1 ? options.writerConnections : 1,
    queueLimit: options.saveQueueLimit,
    deadlineMs,
  })

  async function insertThroughWriter(times: readonly Date[], deadline: number): Promise<void> {
    for (;;) {
      try {
        return await writer.use(deadline, (connection) => insertTimes(connection, table, times))
      } catch (error) {
        if (!isReadOnlyRefusal(error)) throw error
        // A demoted writer refused the statement, so it was not carried out and may be repeated. Every other
        // connection leads to the same server: all of them have to go.
        writer.evict()
        if (performance.now() + 100 > deadline) throw new DatabaseUnavailable('writer: read-only', { cause: error })
        await delay(50 + 50 * Math.random())
      }
    }
  }

  // A reader that fails gets half of the time, so that the other half is left for the writer.
  const page = sharePages(async (limit, after, frame, deadline) => {
    const select = (pool: Pool, until: number) =>
      pool.use(until, (connection) => selectPage(connection, table, limit, after, frame))
    const now = performance.now()
    lag ??= createReaderLag({ newest, intervalMs: options.readerLagLimitMs / 5 })
    if (now < readerAwayUntil || lag.ms() > options.readerLagLimitMs) return select(writer, deadline)
    try {
      return await select(reader, now + (deadline - now) / 2)
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) throw error
      readerAwayUntil = performance.now() + 500
      return select(writer, deadline)
    }
  }, deadlineMs)

  const ask = <T>(endpoint: 'writer' | 'reader', question: (connection: Connection) => Promise<T>): Promise<T> =>
    (endpoint === 'writer' ? writer : reader).use(performance.now() + deadlineMs, question)

  function newest(endpoint: 'writer' | 'reader'): Promise<number> {
    return ask(endpoint, (connection) => newestId(connection, table))
  }

  async function ping(endpoint: 'writer' | 'reader'): Promise<void> {
    await ask(endpoint, (connection) => query(connection, 'SELECT 1'))
  }

  async function close(): Promise<void> {
    lag?.stop()
    await queue.flush()
    await Promise.all([writer.close(), reader.close()])
  }

  return { save: queue.save, page, ping, close }
}

/** Lets equal pages that are asked for at the same time be one; see {@link share}. */
function sharePages(
  select: (limit: number, after: Position | undefined, frame: Frame, deadline: number) => Promise<Page>,
  deadlineMs: number,
): Database['page'] {
  const shared = share((key, deadline) => {
    const [limit, after, frame] = JSON.parse(key) as [number, Position | null, Frame]
    return select(limit, after ?? undefined, frame, deadline)
  }, deadlineMs)
  return (limit, after, frame = bare) => shared(JSON.stringify([limit, after, frame]))
}

const bare: Frame = { before: '', behind: '' }

/** An old name may still lead to a demoted writer: such a connection is never used. */
async function refuseReadOnly(connection: Connection): Promise<void> {
  const [row] = await query(connection, 'SELECT @@global.super_read_only OR @@global.innodb_read_only AS readOnly')
  if (row?.readOnly) throw new DatabaseUnavailable('writer: the server is read-only')
}

// ER_OPTION_PREVENTS_STATEMENT, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, ER_READ_ONLY_MODE
const readOnlyRefusals = new Set([1290, 1792, 1836])

function isReadOnlyRefusal(error: unknown): boolean {
  return error instanceof Error && 'errno' in error && readOnlyRefusals.has(Number(error.errno))
}
