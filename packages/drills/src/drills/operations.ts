import { setTimeout as delay } from 'node:timers/promises'
import { docker, waitFor } from '@repo/compose'
import { type Database, readState } from '@repo/ops/databases.ts'
import { atLeast, atMost, type Check, type Drill, durabilityChecks, yes } from '../drill.ts'
import { listedMissing, listedSurplus, verifyDurability } from '../durability.ts'
import { watchInternalErrors } from '../internal-errors.ts'
import { type KeyedClients, openKeyedClients } from '../keyed-clients.ts'
import { readList } from '../lists.ts'
import type { Attempt } from '../load.ts'
import { drawOperations, type Operation } from '../operations.ts'
import { areAsBefore, databases, watchWriters } from '../servers.ts'
import type { RunningLoad, TestEnvironment } from '../test-environment.ts'

/** What became of a sequence. */
export interface SequenceResult {
  /** What was run, and what was omitted, as commands. */
  readonly commands: readonly string[]
  readonly checks: readonly Check[]
}

/**
 * A random sequence of operations. The promises are checked after each step, and at the end both servers are recovered
 * with the documented commands.
 */
export const operationsWith = (seed: number, steps: number): Drill => ({
  name: 'operations',
  run: async (environment) => [...(await runSequence(environment, drawOperations(seed, steps))).checks],
})

/** A short one. */
export const operations: Drill = operationsWith(1, 10)

/** A run of a sequence while it lasts. */
interface Run {
  readonly environment: TestEnvironment
  readonly clients: KeyedClients
  readonly load: RunningLoad
  /** Rows since then are those of this run; milliseconds since 1970. */
  readonly startedAt: number
  /** When the database was returned to an earlier state: what was acknowledged meanwhile may be lost. */
  readonly restores: { readonly from: number; to: number }[]
}

/**
 * Runs the operations on two new servers, and stops at the first that breaks a promise.
 *
 * @param report is told each command before it runs.
 */
export async function runSequence(
  environment: TestEnvironment,
  sequence: readonly Operation[],
  report: (command: string) => void = () => {},
): Promise<SequenceResult> {
  const { topology, workload } = environment
  const clients = openKeyedClients(topology.url, workload, { writesPerSecond: 5, readsPerSecond: 5 })
  const commands: string[] = []
  const internalErrors = watchInternalErrors(environment)
  const watch = await watchWriters(environment)
  try {
    // No row of an earlier run has the same second.
    await delay(1000)
    const startedAt = Date.now()
    const restores: Run['restores'] = []
    const { attempts, result } = await environment.underLoad(async (load) => {
      const run: Run = { environment, clients, load, startedAt, restores }
      const session = readWithTokens(run)
      let violation = ''
      for (const operation of sequence) {
        const { command, destroys } = operation
        const isOmitted = destroys !== undefined && !(await otherHasAll(run, destroys))
        const shown = isOmitted ? `# omitted: ${command}` : command
        commands.push(shown)
        report(shown)
        if (isOmitted) continue
        // Some are refused, as they should be: what each did is judged by its effects. Its status is kept.
        const code = await carryOut(run, operation)
        if (code !== 0) commands.splice(-1, 1, `${shown} # exit ${code}`)
        violation = watch.both() > 0 ? 'both servers accept writes' : await findViolation(run)
        if (violation !== '') break
      }
      const recovery = await recover(environment)
      return { violation, recovery, session: await session.end() }
    }, clients)
    const promised = withoutRestored(attempts, restores)
    const durability = await environment.verifyDurability(promised)
    const kept =
      durability.lost > 0 && result.recovery.decided ? await missingInCopies(environment, promised) : undefined
    return {
      commands,
      checks: [
        yes(
          'the promises hold after each step',
          result.violation === '',
          `${result.violation} after: ${commands.join('; ')}`,
        ),
        yes('the documented commands recover both servers', result.recovery.failure === '', result.recovery.failure),
        ...(await watch.stop()),
        await internalErrors(),
        atLeast('reads with the token of a write', 1, result.session.reads),
        atMost('… that lacked a write acknowledged before', 0, result.session.stale),
        ...(kept === undefined
          ? durabilityChecks(durability)
          : [
              // After a decision of the operator, who was told.
              atMost('acknowledged writes in no copy', 0, kept),
              atMost('rows without a matching request', 0, durability.surplus),
            ]),
        atLeast('writes sent', 1, durability.attempted),
      ],
    }
  } finally {
    await watch.stop()
    await environment.recreateDatabases()
    await environment.shell('rm -f "$TMPDIR"/*.sql.gz')
  }
}

async function carryOut({ environment, restores }: Run, { command, restores: isRestore }: Operation): Promise<number> {
  // The command has whole seconds.
  const restore = { from: Math.floor(Date.now() / 1000) * 1000, to: Number.POSITIVE_INFINITY }
  if (isRestore) restores.push(restore)
  const { code } = await environment.shell(command)
  restore.to = Date.now()
  return code
}

/** Writes that a restore may have undone are like those without an answer. */
function withoutRestored(attempts: readonly Attempt[], restores: Run['restores']): readonly Attempt[] {
  const isRestored = ({ sentAt, endedAt }: Attempt) => restores.some(({ from, to }) => endedAt >= from && sentAt <= to)
  return attempts.map((attempt) => {
    const { acknowledged, ...others } = attempt
    return acknowledged && isRestored(attempt) ? { ...others, outcome: 'unanswered' } : attempt
  })
}

/** Reads with the token of the latest write, again and again: the list has that write and all acknowledged before. */
function readWithTokens(run: Run): { end(): Promise<{ reads: number; stale: number }> } {
  const { clients, load, restores } = run
  const counts = { reads: 0, stale: 0 }
  const running = new AbortController()
  async function read(): Promise<void> {
    const write = clients.latest()
    if (write === undefined) return
    const before = load.attempts.filter(({ endedAt }) => endedAt < write.sentAt)
    // The write itself has not ended for the load.
    const own: Attempt = {
      ...write,
      kind: 'write',
      plannedAt: 0,
      endedAt: Date.now(),
      outcome: 'succeeded',
      detail: '',
    }
    const listed = await listedSince(run, { 'Consistency-Token': write.token })
    if (listed === undefined) return
    counts.reads += 1
    if (listedMissing(withoutRestored([...before, own], restores), listed) > 0) counts.stale += 1
  }
  const reading = (async () => {
    for (; !running.signal.aborted; await delay(200)) await read()
  })()
  return {
    async end() {
      running.abort()
      await reading
      return counts
    },
  }
}

/** Which promise does not hold after an operation; empty if all do. */
async function findViolation(run: Run): Promise<string> {
  const { environment, load, clients, startedAt, restores } = run
  const since = Date.now()
  const isAcknowledged = () => load.attempts.some(({ acknowledged, sentAt }) => acknowledged && sentAt > since)
  const commandNamed = async () =>
    /npm (start|run (failover|rejoin))|docker compose (kill|restart|up)/.test(
      (await environment.operate('status')).output,
    )
  // Most often writes are acknowledged at once, and asking for the status takes seconds.
  const isQuick = await waitFor('a write', isAcknowledged, { timeoutMs: 3000 }).catch(() => false)
  const settled =
    isQuick || waitFor('a write or a command', async () => isAcknowledged() || (await commandNamed()), limit)
  if (!(await Promise.resolve(settled).catch(() => false))) {
    return 'no write is acknowledged, and npm run status names no command'
  }
  // Until they are listed, others are acknowledged, and a reader may be behind.
  const acknowledged = [...load.attempts]
  let problem = ''
  const listIsRight = async () => {
    const listed = await listedSince(run)
    if (listed === undefined) {
      problem = 'reads fail'
      return !(await canServe(run)) && (await commandNamed())
    }
    const surplus = listedSurplus(load.attempts, clients.unanswered(), listed)
    if (surplus > 0) problem = `${surplus} listed rows without a request`
    const missing = listedMissing(withoutRestored(acknowledged, restores), listed)
    if (missing > 0) problem = `${missing} acknowledged writes are not listed, and npm run status names no command`
    return surplus === 0 && (missing === 0 || (await commandNamed()))
  }
  const ok = await waitFor('the list', listIsRight, limit).catch(() => false)
  return ok ? '' : `${problem} (since ${new Date(startedAt).toISOString()})`
}

/** Within a minute a server acknowledges, or the needed command is named. */
const limit = { timeoutMs: 60_000, intervalMs: 500 }

/** The latest time that each listed row of this run can have; undefined without a list. */
async function listedSince(
  { environment: { topology, workload }, startedAt }: Run,
  headers: Readonly<Record<string, string>> = {},
): Promise<number[] | undefined> {
  try {
    const listed = await readList(topology.url, workload, headers)
    return listed?.filter((time) => time >= startedAt)
  } catch {
    return undefined
  }
}

/** True while the writer is the current one, or the reader has what it has to serve: without the rest, reads go back. */
async function canServe(run: Run): Promise<boolean> {
  const { topology } = run.environment
  const [writer, reader] = await Promise.all(databases.map((database) => readState(topology, database)))
  if (writer?.mode === 'writable') return true
  return ['replica', 'diverged', 'writable'].includes(reader?.mode ?? '') && (await lackingOn(run, 'db-reader')) === 0
}

/** How many acknowledged writes the server lacks. */
async function lackingOn(
  { environment: { topology, workload }, load, startedAt, restores }: Run,
  database: Database,
): Promise<number> {
  const stored = await topology.sql(database, workload.storedSince(startedAt))
  const times = stored.split('\n').filter(Boolean).map(Number)
  return verifyDurability(withoutRestored(load.attempts, restores), times).lost
}

/**
 * True if the other server has everything that was acknowledged, and gets everything that will be. If this one accepts
 * writes, it waits for the other from now on.
 */
async function otherHasAll(run: Run, database: Database): Promise<boolean> {
  const { topology } = run.environment
  const [other = database] = databases.filter((each) => each !== database)
  const acceptsWrites = (await readState(topology, database)).mode === 'writable'
  const setTimeoutMs = (ms: number) =>
    acceptsWrites ? topology.sql(database, `SET GLOBAL rpl_semi_sync_source_timeout = ${ms}`) : undefined
  const hasAll = async () => {
    const status = acceptsWrites && (await topology.sql(database, "SHOW STATUS LIKE 'Rpl_semi_sync_source_%s'"))
    return (
      (await lackingOn(run, other)) === 0 &&
      (status === false || (/clients\t1$/m.test(status) && /status\tON$/m.test(status)))
    )
  }
  await setTimeoutMs(600_000)
  const result = await waitFor('the other server', hasAll, { timeoutMs: 5000, intervalMs: 500 }).catch(() => false)
  // As in my.cnf.
  if (!result) await setTimeoutMs(4_294_967_295)
  return result
}

/** Brings both servers back, as the documents say: `npm start`, and then what is named. */
async function recover(environment: TestEnvironment): Promise<{ failure: string; decided: boolean }> {
  let decided = false
  let output = ''
  for (let round = 0; round < 6; round += 1) {
    const start = await environment.operate('start')
    output = start.output
    if (start.code === 0 && (await waitFor('both servers', () => areAsBefore(environment), limit).catch(() => false))) {
      return { failure: '', decided }
    }
    output += (await environment.operate('status')).output
    const command = /npm run (failover|rejoin)/.exec(output)?.[1] as 'failover' | 'rejoin' | undefined
    if (command === undefined) continue
    const { code } = await environment.operate(command)
    if (code !== 2) continue
    decided = true
    await environment.operate(command, '--yes')
  }
  return { failure: `not recovered: ${output.trim().slice(-500)}`, decided }
}

// Prints the time of each row of the copies that were set aside, a line for each copy. $1: the statement. How a server ends
// does not matter: its rows are printed by then.
const rowsOfCopies = `
  for copy in /var/lib/mysql/data.2*; do
    [ -d "$copy" ] || continue
    mysqld --defaults-file=/etc/my.cnf --datadir="$copy" --socket=/tmp/copy.sock --pid-file=/tmp/copy.pid \\
      --server-id=9 --skip-networking --skip-replica-start --super-read-only >/dev/null 2>&1 &
    until mysql --socket=/tmp/copy.sock -e 'DO 1' 2>/dev/null; do kill -0 $! || exit 1; sleep 0.2; done
    mysql --socket=/tmp/copy.sock --batch --skip-column-names -e "$1" | tr '\\n' ' '
    echo
    kill $!; wait $! || true
  done`

/** How many acknowledged writes are neither on the servers nor in a copy that was set aside. */
async function missingInCopies({ topology, workload }: TestEnvironment, attempts: readonly Attempt[]): Promise<number> {
  const select = workload.storedSince(attempts[0]?.sentAt ?? 0)
  const copies = await Promise.all(
    databases.map(async (database) => {
      const [id = ''] = await topology.containers(database)
      const current = (await topology.sql(database, select)).replaceAll('\n', ' ')
      return [current, ...(await docker(['exec', id, 'bash', '-c', rowsOfCopies, '-', select])).split('\n')]
    }),
  )
  // A row that is in several copies is one row.
  const rows = new Map<number, number>()
  for (const copy of copies.flat()) {
    const times = Map.groupBy(copy.split(' ').filter(Boolean).map(Number), (time) => time)
    for (const [time, { length }] of times) rows.set(time, Math.max(rows.get(time) ?? 0, length))
  }
  const stored = [...rows].flatMap(([time, count]) => Array.from({ length: count }, () => time))
  return verifyDurability(attempts, stored).lost
}
