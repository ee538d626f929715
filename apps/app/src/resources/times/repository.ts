import {
  type CommitPoint,
  coalesce,
  commit,
  createKeyedWrites,
  type DatabaseClient,
  type KeyedOutcome,
  type KeyedWrite,
  type Point,
  query,
  type Statement,
} from '@repo/db'
import { type CountRange, countStatement, selectCounts, toDateTime } from './counts.ts'
import { type Page, type PageQuery, selectPage } from './page-reader.ts'
import { createWriteBatcher } from './write-batcher.ts'

/** Options of {@link createTimesRepository}. */
export interface TimesRepositoryOptions {
  readonly table: string
  /** The most times in one INSERT; 1 turns batching off. */
  readonly batchLimit: number
  /** The most saves waiting for an INSERT. */
  readonly queueLimit: number
}

/** A time that is stored once per key. */
interface KeyedTime extends KeyedWrite {
  readonly time: Date
}

/** The stored times. */
export interface TimesRepository {
  /**
   * Stores `time`; resolves after the commit, with its point. Concurrent calls share INSERTs.
   *
   * @throws {DatabaseUnavailable} the time is not stored.
   * @throws {DatabaseOverloaded} likewise.
   * @throws {WriteOutcomeUnknown} the time may or may not be stored.
   */
  save(time: Date): Promise<CommitPoint>
  /**
   * The same, unless a time was stored under the key before: then resolves with what was stored with it.
   *
   * @throws {KeyReused} the time is not stored.
   * @throws {KeyInProgress} likewise.
   */
  saveOnce(time: KeyedTime): Promise<KeyedOutcome>
  /**
   * Reads a page. Concurrent calls may get the same page, read after the last of them was made.
   *
   * @throws {DataNotFound}
   * @throws {DatabaseUnavailable}
   * @throws {DatabaseOverloaded}
   */
  page(query: PageQuery): Promise<Page>
  /**
   * How many times each period of `range` has. Concurrent calls may get the same counts, read after the last of them was
   * made.
   *
   * @throws {DataNotFound}
   * @throws {DatabaseUnavailable}
   * @throws {DatabaseOverloaded}
   */
  counts(range: CountRange, after?: readonly Point[]): Promise<readonly number[]>
  /**
   * The id of the newest row that a read would find, 0 if there is none; within a second.
   *
   * @throws {DatabaseUnavailable}
   */
  newest(): Promise<number>
  /** How many saves wait for an INSERT. */
  waiting(): number
  /** Resolves when all saves are settled; before the client is closed. */
  close(): Promise<void>
}

/** The caller closes it, and afterwards `client`. */
export function createTimesRepository(
  client: DatabaseClient,
  { table, batchLimit, queueLimit }: TimesRepositoryOptions,
): TimesRepository {
  const { deadlineMs } = client

  const limits = {
    batchLimit,
    // One statement in flight gathers the largest batches; without batching every connection works.
    concurrency: batchLimit === 1 ? client.writerConnections : 1,
    queueLimit,
    deadlineMs,
  }

  // Not a prepared statement: each number of rows would be another one.
  const insertion = (times: readonly Date[]): readonly Statement[] => [
    // All at once: the trigger would count each by itself.
    ['SET @times_counted = TRUE'],
    ['INSERT INTO ?? (dt) VALUES ?', [table, times.map((time) => [toDateTime(time)])]],
    ['SET @times_counted = NULL'],
    countStatement(times),
  ]

  const batcher = createWriteBatcher<Date, CommitPoint>({
    ...limits,
    async insert(times, timing) {
      const point = await client.write((connection) => commit(connection, ...insertion(times)), timing)
      return times.map(() => point)
    },
  })

  // Those without a key never wait for the lock of one.
  const writes = createKeyedWrites(client)
  const keyedBatcher = createWriteBatcher<KeyedTime, KeyedOutcome>({
    ...limits,
    insert: (times, timing) => writes.runAll(times, (missing) => insertion(missing.map(({ time }) => time)), timing),
  })

  const page = coalesce({
    keyOf: (pageQuery: PageQuery) => JSON.stringify(pageQuery),
    work({ includes = [], ...pageQuery }, deadline) {
      const seen = pageQuery.after?.seen
      const after = seen ? [seen, ...includes] : includes
      return client.read((connection) => selectPage(connection, table, pageQuery), { deadline, after })
    },
    deadlineMs,
  })

  const counts = coalesce({
    keyOf: (query: { range: CountRange; after: readonly Point[] }) => JSON.stringify(query),
    work: ({ range, after }, deadline) =>
      client.read((connection) => selectCounts(connection, table, range), { deadline, after }),
    deadlineMs,
  })

  const newest = coalesce({
    keyOf: () => '',
    async work(_: undefined, deadline) {
      const [row] = await client.read((connection) => query(connection, 'SELECT MAX(id) AS id FROM ??', [table]), {
        deadline,
      })
      return Number(row?.id ?? 0)
    },
    deadlineMs: Math.min(1000, deadlineMs),
  })

  return {
    save: batcher.save,
    saveOnce: keyedBatcher.save,
    page,
    counts: (range, after = []) => counts({ range, after }),
    newest: () => newest(undefined),
    waiting: () => batcher.waiting() + keyedBatcher.waiting(),
    async close() {
      await Promise.all([batcher.flush(), keyedBatcher.flush()])
    },
  }
}
