import type { DatabaseClient, Work, WriteOptions } from './client.ts'
import { query, type Statement } from './connection.ts'
import { type CommitPoint, commit, markCommit } from './consistency.ts'
import { DatabaseError, DatabaseUnavailable, WriteOutcomeUnknown } from './errors.ts'

/** Identifies a request that its sender may repeat. Both are digests of 128 bits, in hexadecimal digits. */
export interface IdempotencyKey {
  /** Of the key and of what it is unique in. */
  readonly id: string
  /** Of everything that must be the same when the request is repeated. */
  readonly fingerprint: string
}

/** A write that is carried out once per key. */
export interface KeyedWrite {
  readonly key: IdempotencyKey
  /** Stored with the key, for those who repeat the request. */
  readonly result: string
}

/** What became of a keyed write. */
export interface KeyedOutcome {
  /** Of the write that was carried out under the key. */
  readonly result: string
  /** True if that was an earlier one. */
  readonly replayed: boolean
  /** Data with it includes the write. */
  readonly point: CommitPoint
}

/** Another request has the key. This one was not carried out. */
export class KeyReused extends Error {
  override readonly name = 'KeyReused'
}

/** A write with the key is in progress elsewhere. This one was not carried out. */
export class KeyInProgress extends Error {
  override readonly name = 'KeyInProgress'
}

/** Carries out writes once per key, whatever the number of processes. */
export interface KeyedWrites {
  /**
   * Runs `work` in a transaction on the writer, unless a write under the key is committed already. `work` resolves with
   * the result to be stored.
   *
   * @throws {KeyReused}
   * @throws {KeyInProgress}
   * @throws like {@link DatabaseClient.transaction}.
   */
  run(key: IdempotencyKey, work: Work<string>, options?: WriteOptions): Promise<KeyedOutcome>
  /**
   * The same for many writes in one transaction. `statementsFor` gets those that were not carried out before, the first
   * of each key, and gives the statements that do.
   *
   * @returns what became of each, in their order.
   * @throws like {@link DatabaseClient.transaction}, for all of them.
   */
  runAll<Write extends KeyedWrite>(
    writes: readonly Write[],
    statementsFor: (writes: readonly Write[]) => readonly Statement[],
    options?: WriteOptions,
  ): Promise<readonly (KeyedOutcome | KeyReused | KeyInProgress)[]>
}

/** See {@link KeyedWrites}. */
export function createKeyedWrites(client: DatabaseClient): KeyedWrites {
  /** Until then keys are looked up first: a transaction of a lost connection may hold the locks of some for long. */
  let lookUpUntil = 0
  const inTime = () => performance.now() + client.deadlineMs

  async function once<Write extends KeyedWrite>(
    writes: readonly Write[],
    deadline: number,
    carryOut: (missing: readonly Write[]) => Promise<CommitPoint>,
  ): Promise<readonly (KeyedOutcome | KeyReused | KeyInProgress)[]> {
    const firsts = new Map(writes.toReversed().map((write) => [write.key.id, write]))
    let stored: StoredKeys = new Map()
    let point: CommitPoint | undefined
    const lookUpAll = async () => {
      ;({ stored, point } = await lookUp(client, writes, deadline))
    }
    if (performance.now() < lookUpUntil) await lookUpAll()
    for (;;) {
      const missing = [...firsts.values()].filter(({ key }) => !stored.has(key.id))
      try {
        // A later point includes what an earlier one does.
        if (missing.length > 0 || point === undefined) point = await carryOut(missing)
        const latest = point
        return writes.map((write) => outcomeOf(write, firsts.get(write.key.id) ?? write, stored, latest))
      } catch (error) {
        if (!(error instanceof KeyTaken)) throw error
        if (error.errno === lockWaitTimeout) lookUpUntil = performance.now() + 60_000
        await lookUpAll()
        // A duplicate that is not one of the keys.
        if (error.errno === duplicateEntry && !missing.some(({ key }) => stored.has(key.id))) throw error.cause
      }
    }
  }

  const runAll: KeyedWrites['runAll'] = (writes, statementsFor, { deadline = inTime(), ...options } = {}) =>
    once(writes, deadline, (missing) =>
      client.write((connection) => commit(connection, insertion(missing), ...statementsFor(missing)).catch(rethrow), {
        deadline,
        ...options,
      }),
    )

  const run: KeyedWrites['run'] = async (key, work, { deadline = inTime(), ...options } = {}) => {
    let result = ''
    const [outcome] = await once([{ key, result }], deadline, (missing) =>
      client.transaction(
        async (connection) => {
          // Before the work, so that its lock keeps another run from starting.
          await query(connection, ...insertion(missing)).catch(rethrow)
          result = await work(connection, deadline)
          await query(connection, ...insertion([{ key, result }], 'REPLACE'))
          return markCommit(connection)
        },
        { deadline, ...options },
      ),
    )
    if (outcome === undefined || outcome instanceof Error) throw outcome
    return outcome.replayed ? outcome : { ...outcome, result }
  }

  return { run, runAll }
}

/** By id; undefined while the transaction is not committed. */
type StoredKeys = ReadonlyMap<string, { readonly fingerprint: string; readonly result: string } | undefined>

/** @param first of the writes with its key. @param point includes all of them. */
function outcomeOf(
  write: KeyedWrite,
  first: KeyedWrite,
  stored: StoredKeys,
  point: CommitPoint,
): KeyedOutcome | KeyReused | KeyInProgress {
  const { id, fingerprint } = write.key
  const earlier = stored.has(id) ? stored.get(id) : { fingerprint: first.key.fingerprint, result: first.result }
  if (earlier === undefined) return new KeyInProgress('a write with the key is in progress')
  if (earlier.fingerprint !== fingerprint) return new KeyReused('another request has the key')
  return { result: earlier.result, replayed: stored.has(id) || write !== first, point }
}

/** Some key is in the table already, or its lock was not released in time, or the transaction lost a deadlock. */
class KeyTaken extends Error {
  override readonly name = 'KeyTaken'
  readonly errno: number

  constructor(errno: number, options: ErrorOptions) {
    super('a key is taken', options)
    this.errno = errno
  }
}

const duplicateEntry = 1062
const lockWaitTimeout = 1205
const deadlock = 1213

function rethrow(error: unknown): never {
  const { errno = 0 } = error instanceof DatabaseError ? error : {}
  if ([duplicateEntry, lockWaitTimeout, deadlock].includes(errno)) throw new KeyTaken(errno, { cause: error })
  throw error
}

function insertion(writes: readonly KeyedWrite[], verb: 'INSERT' | 'REPLACE' = 'INSERT'): [string, unknown[]] {
  const rows = writes
    // In one order everywhere: two transactions with the same keys wait for each other, but never in a circle.
    .toSorted((a, b) => (a.key.id < b.key.id ? -1 : 1))
    .map(({ key, result }) => [toBytes(key.id), toBytes(key.fingerprint), result])
  return [`${verb} INTO idempotency_keys (id, fingerprint, result) VALUES ?`, [rows]]
}

const toBytes = (digits: string) => Buffer.from(digits, 'hex')

async function lookUp(
  client: DatabaseClient,
  writes: readonly KeyedWrite[],
  deadline: number,
): Promise<{ stored: StoredKeys; point: CommitPoint }> {
  const ids = writes.map(({ key }) => toBytes(key.id))
  const found = client.write(
    async (connection) => {
      // For one statement: it sees what is not committed yet, which is not used as an answer.
      await query(connection, 'SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED')
      const claimed = await query(connection, 'SELECT id FROM idempotency_keys WHERE id IN (?)', [ids])
      const sql = 'SELECT id, fingerprint, result FROM idempotency_keys WHERE id IN (?)'
      const committed = await query(connection, sql, [ids])
      const stored: StoredKeys = new Map([
        ...claimed.map(({ id }) => [toDigits(id), undefined] as const),
        ...committed.map(({ id, fingerprint, result }) => {
          return [toDigits(id), { fingerprint: toDigits(fingerprint), result: String(result) }] as const
        }),
      ])
      // Committed after what was found.
      return { stored, point: await commit(connection) }
    },
    { deadline },
  )
  return found.catch((error: unknown) => {
    // Nothing was written but a mark.
    throw error instanceof WriteOutcomeUnknown ? new DatabaseUnavailable(error.message, { cause: error }) : error
  })
}

const toDigits = (bytes: Buffer) => bytes.toString('hex')
