import { setTimeout as delay } from 'node:timers/promises'
import { coalesce } from './coalesce.ts'
import { type Connection, connect, query, queryAll, sqlMode } from './connection.ts'
import { DataNotFound, includes, type Point } from './consistency.ts'
import { createDurabilityMonitor, type Durability } from './durability.ts'
import {
  DatabaseError,
  DatabaseOverloaded,
  DatabaseTimeout,
  DatabaseUnavailable,
  WriteOutcomeUnknown,
} from './errors.ts'
import { connectWithPassword } from './password.ts'
import { createPool, type Pool, type PoolState } from './pool.ts'
import { checkDriver } from './raw-rows.ts'
import { type Beat, createReplicaLag } from './replica-lag.ts'

/** Where a server listens. */
interface Address {
  readonly host: string
  readonly port: number
}

/** Options of {@link createDatabaseClient}. Times are in milliseconds. */
export interface DatabaseClientOptions {
  readonly writer: Address
  readonly reader: Address
  readonly user: string
  /** Asked at each connect, so that a rotated password is picked up. */
  readonly password: () => Promise<string>
  /** See {@link Endpoint.tlsCa}. */
  readonly tlsCa?: string | undefined
  readonly database: string
  /** For writes and transactions alone. */
  readonly writerConnections: number
  readonly readerConnections: number
  /** To the writer, for reads while the reader is unavailable. */
  readonly fallbackConnections: number
  /** The most callers waiting for each of these three kinds. */
  readonly connectionQueueLimit: number
  readonly connectTimeoutMs: number
  /** When a connection is replaced, so that it follows a moved name, a rotated password, a new server. */
  readonly maxLifetimeMs: number
  /** A reader further behind than this is not read from. */
  readonly readerLagLimitMs: number
  /** From a call to its deadline, for each call that has none of its own. */
  readonly deadlineMs: number
}

/** The current state of the client, without asking the database. */
export interface DatabaseState {
  readonly writer: PoolState
  readonly reader: PoolState
  /** False if both endpoints are one server: then nothing else is expected to have a copy. */
  readonly hasReader: boolean
  /** How many reads went to the writer, since start: the reader was unavailable or too far behind. */
  readonly fallbacks: number
  /** 0 before the first measurement. */
  readonly readerLagMs: number
  /** As measured last; undefined before the first measurement. */
  readonly durability: Durability | undefined
}

/** The state of the two endpoints. */
export interface DatabaseStatus {
  /** Whether it answered within a second. */
  readonly writer: boolean
  readonly reader: boolean
  /** False if both endpoints are one server. */
  readonly hasReader: boolean
  /** Where a read would go first; always the writer if both endpoints are one server. */
  readonly readsFrom: 'writer' | 'reader'
  /**
   * For how long the reader has lacked something that the writer has; undefined while one of the two is unavailable, and
   * if both endpoints are one server.
   */
  readonly readerLagMs: number | undefined
  /** Undefined while the writer is unavailable. */
  readonly durability: Durability | undefined
}

/** What runs on a connection; it must not use the connection after it has settled. */
export type Work<T> = (connection: Connection, deadline: number) => Promise<T>

/** Options of a call. */
export interface CallOptions {
  /** As `performance.now()`. @default the client's `deadlineMs` from now */
  readonly deadline?: number
}

/** Options of {@link DatabaseClient.write} and {@link DatabaseClient.transaction}. */
export interface WriteOptions extends CallOptions {
  /** What was not sent by then is not sent at all. @default the deadline */
  readonly sendBy?: number
}

/** Options of {@link DatabaseClient.read}. */
export interface ReadOptions extends CallOptions {
  /** The data that is read includes these. @default nothing in particular */
  readonly after?: readonly Point[]
}

/** The two endpoints of a database. It knows no resource. */
export interface DatabaseClient {
  /** As in the options. */
  readonly deadlineMs: number
  readonly writerConnections: number
  /**
   * Runs `work` on the reader, or on the writer while the reader is unavailable or too far behind. `work` runs a second
   * time, on the writer, when the reader fails; it is given the deadline of each run. A reader that is merely busy has
   * not failed: its load would only be added to the writer's. The writer is also read when the reader does not get within
   * a sixth of a second what the data has to include. A writer that is read-only is read only while the reader does not
   * answer.
   *
   * @throws {DataNotFound} the writer does not include it either.
   * @throws {DatabaseUnavailable}
   * @throws {DatabaseOverloaded} also when the reader is well, but did not answer in its share of the time.
   * @throws {DatabaseError} when the server refuses a statement.
   */
  read<T>(work: Work<T>, options?: ReadOptions): Promise<T>
  /**
   * Runs one statement on the writer; resolves after its commit. Runs it again only after a refusal by a server that is
   * read-only, and up to four times when it lost a deadlock or waited too long for a lock.
   *
   * @throws {DatabaseUnavailable} it was not sent.
   * @throws {DatabaseOverloaded} it was not carried out; also when it lost against others each time.
   * @throws {WriteOutcomeUnknown} it was sent, and may or may not have been carried out.
   * @throws {DatabaseError} when the server refuses it.
   */
  write<T>(work: Work<T>, options?: WriteOptions): Promise<T>
  /**
   * Runs `work` in a transaction on the writer; resolves after the commit. An error of `work` rolls it back. `work` runs
   * again as in {@link write}. Never runs it again when the outcome of the commit is unknown. Its isolation level is READ
   * COMMITTED: it locks the rows that it finds, not the gaps between them.
   *
   * @throws {DatabaseUnavailable} it was not committed.
   * @throws {DatabaseOverloaded} likewise; also when it lost against others each time.
   * @throws {WriteOutcomeUnknown} its commit was sent, and may or may not have been carried out.
   * @throws whatever else `work` throws; it was not committed.
   */
  transaction<T>(work: Work<T>, options?: WriteOptions): Promise<T>
  /** Asks both endpoints; answers within a second and never fails. */
  status(): Promise<DatabaseStatus>
  /** Asks one endpoint, without a fallback. Concurrent calls share the question. @throws when it does not answer. */
  ping(endpoint: 'writer' | 'reader'): Promise<void>
  state(): DatabaseState
  /** Waits for the work in flight, then ends the connections. */
  close(): Promise<void>
}

/**
 * Connects lazily: an unreachable database is an error of the calls, not of creating the client. The caller closes it.
 *
 * @throws when the driver is not one that this package works with.
 */
export function createDatabaseClient(options: DatabaseClientOptions): DatabaseClient {
  checkDriver()
  const { deadlineMs, writerConnections } = options
  // Every other connection to the writer leads to the same demoted server.
  const eviction = { evictAfter: isReadOnlyRefusal, generation: { current: 0 } }
  const writerOptions = poolOptions('writer', options, (connection) =>
    Promise.all([refuseReadOnly(connection), configureSession(connection, deadlineMs), limitLockWaits(connection)]),
  )
  const limited = (connection: Connection) => configureSession(connection, deadlineMs)
  const readerOptions = poolOptions('reader', options, limited)
  const queueLimit = options.connectionQueueLimit
  const writerPool = (limit: number, own = writerOptions) => createPool({ ...own, ...eviction, limit, queueLimit })
  const readerPool = (limit: number) => createPool({ ...readerOptions, limit, queueLimit })
  // Each kind has connections and a queue of its own: none can take the places of another.
  const writer = {
    writes: writerPool(writerConnections),
    // Each read asks whether the writer is read-only.
    reads: writerPool(options.fallbackConnections, poolOptions('writer', options, limited)),
    checks: writerPool(checkConnections),
  }
  const reader = {
    reads: readerPool(options.readerConnections),
    checks: readerPool(checkConnections),
  }
  const endpoints = { writer, reader }
  const durability = createDurabilityMonitor()
  const intervalMs = options.readerLagLimitMs / 5
  const replicaLag = createReplicaLag({
    beat: () =>
      writer.checks.use(inTime(), async (connection) => {
        const [newest] = await Promise.all([beat(connection, intervalMs), durability.measure(connection)])
        return newest
      }),
    replicated: () => reader.checks.use(inTime(), newestBeat),
    intervalMs,
  })
  const hasReader = options.reader.host !== options.writer.host || options.reader.port !== options.writer.port
  let readerUnavailableUntil = 0
  let fallbacks = 0

  const inTime = () => performance.now() + deadlineMs

  const readsFrom = () =>
    performance.now() < readerUnavailableUntil || replicaLag.ms() > options.readerLagLimitMs ? 'writer' : 'reader'

  async function read<T>(work: Work<T>, options: ReadOptions = {}): Promise<T> {
    const { deadline = inTime(), after = [] } = options
    await replicaLag.touch()
    const onReader = (until: number) =>
      reader.reads.use(until, async (connection) =>
        (await includes(connection, after, false)) ? work(connection, until) : lacking,
      )
    const fallBack = async () => {
      fallbacks += 1
      const result = await writer.reads.use(deadline, async (connection) => {
        // An old name may still lead to a demoted writer. Without a reader, a read-only one can have the only data.
        const readOnly = await isReadOnly(connection)
        const isRefused = readOnly && (await isAlive('reader'))
        if (!isRefused && (await includes(connection, after, !readOnly))) return work(connection, deadline)
        if (readOnly) throw new DatabaseUnavailable('writer: read-only')
        return lacking
      })
      if (result === lacking) throw new DataNotFound('the writer does not have the data that the read has to include')
      return result
    }
    if (readsFrom() === 'writer') return fallBack()
    try {
      const now = performance.now()
      const until = now + (deadline - now) * readerShare
      for (const waitMs of catchUpWaitsMs) {
        if (waitMs > 0) await delay(waitMs)
        const result = await onReader(until)
        if (result !== lacking) return result
      }
      return fallBack()
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) throw error
      if (error instanceof DatabaseTimeout && (await isAlive('reader'))) {
        throw new DatabaseOverloaded('reader: too slow', { cause: error })
      }
      readerUnavailableUntil = performance.now() + 500
      return fallBack()
    }
  }

  /** `work` calls `beforeSending` before it sends what takes effect by itself. */
  async function onWriter<T>(
    work: (connection: Connection, beforeSending: () => void) => Promise<T>,
    deadline: number,
    sendBy: number,
  ): Promise<T> {
    // So that the lag is known when somebody reads what was written.
    replicaLag.touch()
    for (;;) {
      let sent = false
      const beforeSending = () => {
        sent = true
      }
      try {
        return await writer.writes.use(deadline, (connection) => work(connection, beforeSending), sendBy)
      } catch (error) {
        if (sent && error instanceof DatabaseUnavailable) throw new WriteOutcomeUnknown(error.message, { cause: error })
        // The server refused the statement, so it was not carried out and may be repeated.
        if (!isReadOnlyRefusal(error)) throw error
        if (performance.now() + 100 > sendBy) throw new DatabaseUnavailable('writer: read-only', { cause: error })
        await delay(50 + 50 * Math.random())
      }
    }
  }

  function write<T>(work: Work<T>, { deadline = inTime(), sendBy = deadline }: WriteOptions = {}): Promise<T> {
    const send = (connection: Connection, beforeSending: () => void) => {
      beforeSending()
      return work(connection, deadline)
    }
    return repeatLockVictim(() => onWriter(send, deadline, sendBy), sendBy)
  }

  function transaction<T>(work: Work<T>, { deadline = inTime(), sendBy = deadline }: WriteOptions = {}): Promise<T> {
    const commit = (connection: Connection, beforeSending: () => void) =>
      commitAfter(connection, () => work(connection, deadline), beforeSending)
    return repeatLockVictim(() => onWriter(commit, deadline, sendBy), sendBy)
  }

  const pingWithin = (ms: number) =>
    coalesce({
      keyOf: (endpoint: 'writer' | 'reader') => endpoint,
      work: (endpoint, deadline) => endpoints[endpoint].checks.use(deadline, selectOne),
      deadlineMs: ms,
    })
  const ping = pingWithin(deadlineMs)
  const pingSoon = pingWithin(deadlineMs / 8)
  const isAlive = (endpoint: 'writer' | 'reader') =>
    pingSoon(endpoint).then(
      () => true,
      () => false,
    )

  const status = coalesce({
    keyOf: () => '',
    async work(_: undefined, deadline): Promise<DatabaseStatus> {
      replicaLag.touch()
      const [reachedWriter, reachedReader] = await Promise.all([
        answers(writer.checks, deadline, durability.measure),
        answers(reader.checks, deadline, selectOne),
      ])
      return {
        writer: reachedWriter,
        reader: reachedReader,
        hasReader,
        readsFrom: hasReader && reachedReader ? readsFrom() : 'writer',
        readerLagMs: hasReader && reachedWriter && reachedReader ? replicaLag.ms() : undefined,
        durability: reachedWriter ? durability.latest() : undefined,
      }
    },
    deadlineMs: Math.min(1000, deadlineMs),
  })

  return {
    deadlineMs,
    writerConnections,
    read,
    write,
    transaction,
    status: () => status(undefined),
    ping,
    state: () => ({
      writer: totalState(writer),
      reader: totalState(reader),
      hasReader,
      fallbacks,
      readerLagMs: replicaLag.ms(),
      durability: durability.latest(),
    }),
    async close() {
      replicaLag.stop()
      await Promise.all([...Object.values(writer), ...Object.values(reader)].map((pool) => pool.close()))
    },
  }
}

/** In place of a result: the data does not include what it has to. */
const lacking = Symbol('lacking')

/** How long a reader may take to get what a read has to include: mostly it has it after a few milliseconds. */
const catchUpWaitsMs = [0, 10, 20, 40, 80]

/** The reader's share of a read's time; the rest is left for the writer. */
const readerShare = 0.5

/** For what is asked about the server itself: short, and never several at a time for long. */
const checkConnections = 1

/** How long a refused password waits for the next one, without asking the server again. */
const passwordWaitMs = 500

/** The options that all pools of an endpoint have in common. `prepare` makes a new connection fit for use. */
function poolOptions(
  name: 'writer' | 'reader',
  options: DatabaseClientOptions,
  prepare: (connection: Connection) => Promise<unknown>,
) {
  const { user, database, tlsCa, connectTimeoutMs } = options
  return {
    name,
    maxLifetimeMs: options.maxLifetimeMs,
    maxIdleMs,
    async open() {
      const address = { ...options[name], user, tlsCa }
      let startedAt = 0
      const connectWith = (password: string) => {
        startedAt = performance.now()
        // Several statements: for a transaction in one round trip.
        return connect({ ...address, password }, connectTimeoutMs, { database, multipleStatements: name === 'writer' })
      }
      const connection = await connectWithPassword(options.password, connectWith, passwordWaitMs)
      try {
        await within(connectTimeoutMs - (performance.now() - startedAt), prepare(connection))
      } catch (error) {
        connection.destroy()
        throw error
      }
      return connection
    },
  }
}

/** A server that stops answering never ends `work`: whoever waits for it waits no longer than this. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DatabaseUnavailable('connect timeout exceeded')), ms)
  })
  await Promise.race([work, expiry]).finally(() => clearTimeout(timer))
}

/** An old name may still lead to a demoted writer: such a connection is never used. */
async function refuseReadOnly(connection: Connection): Promise<void> {
  if (await isReadOnly(connection)) throw new DatabaseUnavailable('writer: read-only')
}

async function isReadOnly(connection: Connection): Promise<boolean> {
  const [row] = await query(connection, 'SELECT @@global.super_read_only OR @@global.innodb_read_only AS readOnly')
  return Boolean(row?.readOnly)
}

/**
 * A server does not notice that a client has lost the network: it would keep the connection, and its locks, for hours.
 * So it ends what it waits for longer than this. The pool ends idle connections well before.
 */
const abandonedAfterSeconds = { idle: 45, sending: 30 }
const maxIdleMs = 20_000

/**
 * A read that nobody waits for any more ends at the server too: by itself, it notices only when it has rows to send. Its
 * locks go with it.
 */
async function configureSession(connection: Connection, deadlineMs: number): Promise<void> {
  await query(connection, 'SET SESSION sql_mode = ?, max_execution_time = ?, wait_timeout = ?, net_write_timeout = ?', [
    sqlMode,
    Math.ceil(1.1 * deadlineMs),
    abandonedAfterSeconds.idle,
    abandonedAfterSeconds.sending,
  ])
}

/**
 * A write waits for the lock of a row, or of a table that is being changed, so briefly that time is left for another
 * attempt. By default it would wait for a table for a year, and its client with it: each further attempt would be another
 * connection, until the server accepts none.
 */
async function limitLockWaits(connection: Connection): Promise<void> {
  await query(connection, 'SET SESSION innodb_lock_wait_timeout = 1, lock_wait_timeout = 1')
}

/** Of all pools of an endpoint. */
function totalState(pools: Readonly<Record<string, Pool>> & { readonly checks: Pool }): PoolState {
  const states = Object.values(pools).map((pool) => pool.state())
  const sum = (key: 'idle' | 'busy' | 'waiting') => states.reduce((total, state) => total + state[key], 0)
  return {
    idle: sum('idle'),
    busy: sum('busy'),
    waiting: sum('waiting'),
    // A pool that nobody waits for does not find out that it can connect again; the checks go on.
    failing: pools.checks.state().failing || states.some(({ failing, waiting }) => failing && waiting > 0),
    evictions: Math.max(...states.map(({ evictions }) => evictions)),
  }
}

const answers = (pool: Pool, deadline: number, question: (connection: Connection) => Promise<void>) =>
  pool.use(deadline, question).then(
    () => true,
    () => false,
  )

async function selectOne(connection: Connection): Promise<void> {
  await query(connection, 'SELECT 1')
}

/** Several clients make one beat an interval between them. A beat in the future is from before the clock was set back. */
async function beat(connection: Connection, intervalMs: number): Promise<Beat> {
  const [newest] = await Promise.all([
    newestBeat(connection),
    query(
      connection,
      `UPDATE heartbeat SET beat = beat + 1, beaten_at = UTC_TIMESTAMP(3)
       WHERE id = 1 AND beaten_at NOT BETWEEN UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND AND UTC_TIMESTAMP(3)`,
      // A timer may fire a little early.
      [Math.floor(900 * intervalMs)],
    ),
  ])
  return newest
}

async function newestBeat(connection: Connection): Promise<Beat> {
  const [row] = await query(
    connection,
    `SELECT beat, TIMESTAMPDIFF(MICROSECOND, beaten_at, UTC_TIMESTAMP(3)) DIV 1000 AS ageMs
     FROM heartbeat WHERE id = 1`,
  )
  return { number: row?.beat ?? 0, ageMs: row?.ageMs ?? 0 }
}

const maxAttempts = 5

/** Repeats what the server has rolled back in favour of others. */
async function repeatLockVictim<T>(run: () => Promise<T>, sendBy: number): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run()
    } catch (error) {
      if (!isLockVictim(error)) throw error
      const delayMs = 20 * attempt * Math.random()
      if (attempt === maxAttempts || performance.now() + delayMs > sendBy) {
        throw new DatabaseOverloaded('writer: lost against others', { cause: error })
      }
      await delay(delayMs)
    }
  }
}

async function commitAfter<T>(connection: Connection, work: () => Promise<T>, beforeCommit: () => void): Promise<T> {
  await queryAll(connection, ['SET TRANSACTION ISOLATION LEVEL READ COMMITTED'], ['START TRANSACTION'])
  let result: T
  try {
    result = await work()
  } catch (error) {
    await query(connection, 'ROLLBACK')
    throw error
  }
  beforeCommit()
  await query(connection, 'COMMIT').catch((error: unknown) => {
    throw isReadOnlyRefusal(error) ? error : new DatabaseUnavailable('writer: commit failed', { cause: error })
  })
  return result
}

// ER_OPTION_PREVENTS_STATEMENT, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, ER_READ_ONLY_MODE
const readOnlyErrorCodes = new Set([1290, 1792, 1836])

const isReadOnlyRefusal = (error: unknown) => error instanceof DatabaseError && readOnlyErrorCodes.has(error.errno ?? 0)

// ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK
const lockErrorCodes = new Set([1205, 1213])

const isLockVictim = (error: unknown) => error instanceof DatabaseError && lockErrorCodes.has(error.errno ?? 0)
