import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from 'mysql2'
import { connect, query } from './connection.ts'
import { type CountRange, selectCounts } from './counts.ts'
import { DatabaseUnavailable } from './errors.ts'
import { keep } from './keep.ts'
import { createPool, type Pool, type PoolState } from './pool.ts'
import { createReaderLag, type ReaderLag } from './reader-lag.ts'
import { createSaveQueue } from './save-queue.ts'
import { share } from './share.ts'
import { insertTimes, newestId, type Page, type PageQuery, selectPage } from './times.ts'

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

/** What a database is busy with at a moment, and what has befallen it since it was opened. */
export interface DatabaseState {
  /** Saves that wait for a statement. */
  readonly savesWaiting: number
  readonly writer: PoolState
  readonly reader: PoolState
  /** How many pages were read from the writer, since the reader was away or too far behind. */
  readonly fallbacks: number
  /** How far the reader was behind when measured last; unknown before the first page. */
  readonly readerLagMs: number | undefined
}

/** How the two endpoints are. */
export interface DatabaseStatus {
  /** Whether it answered within a second. */
  readonly writer: boolean
  readonly reader: boolean
  /** Where reads go first just now. */
  readonly readsFrom: 'writer' | 'reader'
  /** See {@link ReaderLag.ms}; undefined while one of the two is away, since then there is nothing to compare. */
  readonly readerLagMs: number | undefined
  /** The id of the newest row that a read would find; 0 if there is none, undefined if there is no telling. */
  readonly newestId: number | undefined
}

/** The stored times, what other resources need, and the health of the two endpoints they are kept behind. */
export interface Database {
  /**
   * Stores `time` through the writer; resolves after the commit.
   *
   * @throws {DatabaseUnavailable} the time may or may not be stored.
   * @throws {DatabaseOverloaded} the time is not stored.
   */
  save(time: Date): Promise<void>
  /**
   * A page of the stored times, through the reader, or the writer while the reader is away or too far behind.
   * Callers at the same time may get the same page, read after the last of them asked.
   *
   * @throws {DatabaseUnavailable}
   * @throws {DatabaseOverloaded}
   */
  page(query: PageQuery): Promise<Page>
  /**
   * How many times each period of `range` has, from where a page would come. May be older than the call by ten times
   * as long as the counting takes: see {@link keep}.
   *
   * @throws {DatabaseUnavailable}
   * @throws {DatabaseOverloaded} also when there is more to count than there is time for.
   */
  counts(range: CountRange): Promise<readonly number[]>
  /** How the endpoints are, found out within a second. Never fails. */
  status(): Promise<DatabaseStatus>
  /**
   * Runs a query of another resource from where a page would come.
   *
   * @throws {DatabaseUnavailable}
   * @throws {DatabaseOverloaded}
   */
  read<T>(select: (connection: Connection) => Promise<T>): Promise<T>
  /**
   * Runs one statement of another resource through the writer; resolves after its commit. Runs it again only where a
   * server that is no writer any more refused it.
   *
   * @throws {DatabaseUnavailable} it may or may not have been carried out.
   * @throws {DatabaseOverloaded} it was not carried out.
   */
  write<T>(statement: (connection: Connection) => Promise<T>): Promise<T>
  /** Asks an endpoint a trivial question, with no falling back. @throws {DatabaseUnavailable} */
  ping(endpoint: 'writer' | 'reader'): Promise<void>
  /** Costs nothing; for whoever watches. */
  state(): DatabaseState
  /** Answers what was asked so far, then ends the connections. */
  close(): Promise<void>
}

/** Connects lazily: an unreachable database is an error of the calls, not of opening it. The caller closes it. */
export function openDatabase(options: DatabaseOptions): Database {
  const { table, connectTimeoutMs, deadlineMs } = options
  const writer = endpointPool('writer', options.writer, options.writerConnections, prepareWriter)
  const reader = endpointPool('reader', options.reader, options.readerConnections, limitSelects)
  let readerAwayUntil = 0
  let fallbacks = 0
  let lag: ReaderLag | undefined

  /** A SELECT that nobody waits for any more ends at the server too; by itself that notices only when it has rows to send. */
  async function limitSelects(connection: Connection): Promise<void> {
    await query(connection, 'SET SESSION max_execution_time = ?', [Math.ceil(1.1 * deadlineMs)])
  }

  async function prepareWriter(connection: Connection): Promise<void> {
    await Promise.all([refuseReadOnly(connection), limitSelects(connection)])
  }

  function endpointPool(
    name: string,
    address: Address,
    limit: number,
    prepare: (connection: Connection) => Promise<void>,
  ): Pool {
    return createPool({
      name,
      limit,
      queueLimit: options.readQueueLimit,
      maxAgeMs: options.connectionMaxAgeMs,
      async open() {
        const { user, database, tlsCa } = options
        const endpoint = { ...address, user, password: await options.password(), tlsCa }
        const startedAt = performance.now()
        const connection = await connect(endpoint, connectTimeoutMs, { database })
        try {
          await within(connectTimeoutMs - (performance.now() - startedAt), prepare(connection))
        } catch (error) {
          connection.destroy()
          throw error
        }
        return connection
      },
    })
  }

  const queue = createSaveQueue({
    insert: (times, deadline) => write(deadline, (connection) => insertTimes(connection, table, times)),
    batchLimit: options.saveBatchLimit,
    // One statement under way gathers the largest batches; without sharing every connection works.
    concurrency: options.saveBatchLimit === 1 ? options.writerConnections : 1,
    queueLimit: options.saveQueueLimit,
    deadlineMs,
  })

  async function write<T>(deadline: number, statement: (connection: Connection) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await writer.use(deadline, statement)
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

  const readerLag = (): ReaderLag => {
    lag ??= createReaderLag({ newest, intervalMs: options.readerLagLimitMs / 5 })
    return lag
  }

  const readsFrom = (): 'writer' | 'reader' =>
    performance.now() < readerAwayUntil || readerLag().ms() > options.readerLagLimitMs ? 'writer' : 'reader'

  /**
   * Carries out `select`, which is told until when, on the reader or in its place the writer.
   *
   * @param patience the part of the time that the reader gets before the writer is asked.
   */
  async function read<T>(
    deadline: number,
    patience: number,
    select: (connection: Connection, deadline: number) => Promise<T>,
  ): Promise<T> {
    const on = (pool: Pool, until: number) => pool.use(until, (connection) => select(connection, until))
    const fallBack = () => {
      fallbacks += 1
      return on(writer, deadline)
    }
    if (readsFrom() === 'writer') return fallBack()
    try {
      const now = performance.now()
      return await on(reader, now + (deadline - now) * patience)
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) throw error
      readerAwayUntil = performance.now() + 500
      return fallBack()
    }
  }

  const sharedPage = share(
    (key, deadline) =>
      // A reader that fails gets half of the time, so that the other half is left for the writer.
      read(deadline, 0.5, (connection) => selectPage(connection, table, JSON.parse(key))),
    deadlineMs,
  )

  const keptCounts = keep((key) =>
    // A count may take long on a reader that is well.
    read(performance.now() + deadlineMs, 0.7, (connection, until) =>
      // Ended by the server a little before the connection would be given up.
      selectCounts(connection, table, JSON.parse(key), 0.9 * (until - performance.now())),
    ),
  )

  const sharedStatus = share(
    async (_, deadline): Promise<DatabaseStatus> => {
      const ids = await Promise.all(
        [writer, reader].map((pool) =>
          pool.use(deadline, (connection) => newestId(connection, table)).catch(() => undefined),
        ),
      )
      const [written, readable] = ids
      const from = readable === undefined ? 'writer' : readsFrom()
      const both = written !== undefined && readable !== undefined
      return {
        writer: written !== undefined,
        reader: readable !== undefined,
        readsFrom: from,
        readerLagMs: both ? readerLag().ms() : undefined,
        newestId: from === 'writer' ? written : readable,
      }
    },
    Math.min(1000, deadlineMs),
  )

  const ask = <T>(endpoint: 'writer' | 'reader', question: (connection: Connection) => Promise<T>): Promise<T> =>
    (endpoint === 'writer' ? writer : reader).use(performance.now() + deadlineMs, question)

  function newest(endpoint: 'writer' | 'reader'): Promise<number> {
    return ask(endpoint, (connection) => newestId(connection, table))
  }

  async function ping(endpoint: 'writer' | 'reader'): Promise<void> {
    await ask(endpoint, (connection) => query(connection, 'SELECT 1'))
  }

  const state = (): DatabaseState => ({
    savesWaiting: queue.waiting(),
    writer: writer.state(),
    reader: reader.state(),
    fallbacks,
    readerLagMs: lag?.ms(),
  })

  async function close(): Promise<void> {
    lag?.stop()
    await queue.flush()
    await Promise.all([writer.close(), reader.close()])
  }

  return {
    save: queue.save,
    page: ({ limit, after, order, frame }) => sharedPage(JSON.stringify({ limit, after, order, frame })),
    counts: ({ per, from, to }) => keptCounts(JSON.stringify({ per, from, to })),
    read: (select) => read(performance.now() + deadlineMs, 0.5, select),
    write: (statement) => write(performance.now() + deadlineMs, statement),
    status: () => sharedStatus('status'),
    ping,
    state,
    close,
  }
}

/** What a server that falls silent never ends: whoever waits for it waits no longer than this. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DatabaseUnavailable('no answer in time')), ms)
  })
  await Promise.race([work, expiry]).finally(() => clearTimeout(timer))
}

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
