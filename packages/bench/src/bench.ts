import { docker, type Topology } from '@repo/compose'
import type { Load } from '../load/open-loop.ts'
import { type Candidate, commits, constant, dump } from './candidates.ts'
import { jsonTimes, listBytes } from './list.ts'
import { appliedWithin } from './replication.ts'
import type { Sample } from './samples.ts'
import type { Usage, WithUsage } from './usage.ts'

/** Measures on a running topology; each method is one measurement. */
export interface Bench {
  /** Replaces the stored times by `rows` others, and waits until the reader has applied them. */
  fill(rows: number): Promise<void>
  /** @param keyed whether each request has an idempotency key of its own. @default false */
  writes(candidate: Candidate, connections: number, seconds: number, round: number, keyed?: boolean): Promise<Sample>
  /** Reads of the complete list of `rows` times. */
  reads(candidate: Candidate, rows: number, seconds: number, round: number): Promise<Sample>
  /** Nine reads per write, starting with 100 rows. */
  mix(candidate: Candidate, seconds: number, round: number): Promise<Sample>
  /**
   * Writes, or reads of the list of 1,000 rows, at `percent` of `peak` requests per second, each sent when it is due.
   * The latencies count from then.
   */
  openLoop(
    candidate: Candidate,
    kind: 'write' | 'read',
    offered: { readonly peak: number; readonly percent: number },
    seconds: number,
  ): Promise<Sample>
  /** One read of a long list of `rows` times for the time, another for its usage. */
  list(candidate: Candidate, rows: number, round: number): Promise<Sample>
  /** One-row commits by sysbench. */
  commits(threads: number, seconds: number, round: number): Promise<Sample>
  /** The rows, selected by `mysql --quick` over TCP from the writer's container. */
  dump(rows: number, round: number): Promise<Sample>
}

interface Measured<Printed extends Load> {
  readonly load: Printed
  readonly usage: Usage
}

/** All candidates use them. */
export const databases: readonly string[] = ['db-writer', 'db-reader']

/** Of the open loop, as for the peaks. */
const writeConnections = 128
const readConnections = 32
const openLoopRows = 1000

const fillRows = 100_000

/** @param signal once aborted, a running command is ended. */
export function createBench(topology: Topology, withUsage: WithUsage, signal: AbortSignal): Bench {
  const containers = new Map<string, Promise<string[]>>()

  /** Like {@link Topology.exec} in half of the time: no container is replaced here, so their ids do not change. */
  async function exec(service: string, args: readonly string[]): Promise<string> {
    const known = containers.get(service) ?? topology.containers(service)
    containers.set(service, known)
    const [id = service] = await known
    return docker(['exec', id, ...args], { signal })
  }

  const sqlOn = (service: string, statement: string) =>
    exec(service, ['mysql', '--batch', '--skip-column-names', '-e', `USE testdb; ${statement}`])
  const sql = (statement: string) => sqlOn('db-writer', statement)

  async function fill(rows: number): Promise<void> {
    // In parts: the reader applies one while the writer stores the next.
    const parts = Array.from({ length: Math.ceil(rows / fillRows) }, (_, part) => {
      const first = part * fillRows
      return `INSERT INTO testtable (dt)
        WITH RECURSIVE digits AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM digits WHERE n < 999)
        SELECT TIMESTAMP'2026-01-01 00:00:00' + INTERVAL (${first} + 1000 * high.n + low.n) SECOND
        FROM digits high, digits low
        WHERE high.n < ${fillRows / 1000} AND 1000 * high.n + low.n < ${Math.min(fillRows, rows - first)};`
    })
    // Without counts, which nothing here reads.
    const executed = await sql(
      `SET @times_counted = TRUE; TRUNCATE testtable; ${parts.join('')} SELECT @@GLOBAL.gtid_executed`,
    )
    const timedOut = await sqlOn('db-reader', appliedWithin(executed, 120))
    if (timedOut !== '0') throw new Error('the reader has not caught up within 120 s')
  }

  const count = async () => Number(await sql('SELECT COUNT(*) FROM testtable'))

  /** @param args a program that prints its load as the last line. */
  async function generate<Printed extends Load>(
    candidate: Candidate,
    args: readonly string[],
  ): Promise<Measured<Printed>> {
    const { result, usage } = await withUsage([...candidate.services, ...databases], 500, () => exec('load', args))
    return { load: JSON.parse(result.split('\n').at(-1) as string), usage }
  }

  const load = (candidate: Candidate, script: string, path: string, connections: number, seconds: number) =>
    generate<Load & { readonly writes: number }>(candidate, [
      'wrk',
      '--threads=1',
      `--connections=${connections}`,
      // load.lua ends it earlier.
      '--duration=90s',
      '--timeout=30s',
      '--latency',
      `--script=/bench/${script}.lua`,
      candidate.url + path,
      '--',
      String(seconds),
      String(connections),
    ])

  function toSample(
    { load, usage }: Measured<Load>,
    about: Pick<Sample, 'candidate' | 'work' | 'round' | 'correct' | 'offeredPerSecond'>,
  ): Sample {
    return {
      ...about,
      // Nothing can be said of a candidate that refuses everything.
      correct: about.correct && load.requests > load.refused,
      perSecond: (load.requests - load.refused) / load.seconds,
      p50Ms: load.p50Ms,
      p99Ms: load.p99Ms,
      p999Ms: load.p999Ms,
      errors: load.refused + load.unanswered,
      cpuMsPerRequest: eachOf(usage.cpuSeconds, (seconds) => (seconds * 1000) / Math.max(1, load.requests)),
      peakMiB: usage.peakMiB,
      startMiB: usage.startMiB,
    }
  }

  return {
    fill,

    async writes(candidate, connections, seconds, round, keyed = false) {
      await fill(0)
      const measured = await load(candidate, keyed ? 'keyed' : 'load', '/write', connections, seconds)
      const correct = candidate === constant || (await storedAsAcknowledged(measured.load))
      const work = `${keyed ? 'keyed-' : ''}write-${connections}`
      return toSample(measured, { candidate: candidate.name, work, round, correct })
    },

    async reads(candidate, rows, seconds, round) {
      const path = candidate.name === 'file' ? `/${rows}` : '/read'
      const measured = await load(candidate, 'load', path, readConnections, seconds)
      const correct = await sendsStoredRows(candidate, rows, measured.load)
      return toSample(measured, { candidate: candidate.name, work: `read-${rows}`, round, correct })
    },

    async mix(candidate, seconds, round) {
      await fill(100)
      const measured = await load(candidate, 'mix', '/', readConnections, seconds)
      const { writes, refused, unanswered } = measured.load
      const stored = (await count()) - 100
      const correct = writes - refused - unanswered <= stored && stored <= writes
      return toSample(measured, { candidate: candidate.name, work: 'mix', round, correct })
    },

    async openLoop(candidate, kind, { peak, percent }, seconds) {
      const isWrite = kind === 'write'
      if (isWrite) await fill(0)
      const rate = (peak * percent) / 100
      const connections = isWrite ? writeConnections : readConnections
      const args = [`${candidate.url}/${kind}`, rate, seconds, connections].map(String)
      const measured = await generate(candidate, ['node', '/bench/open-loop.ts', ...args])
      const correct = isWrite
        ? await storedAsAcknowledged(measured.load)
        : await sendsStoredRows(candidate, openLoopRows, measured.load)
      const work = `${kind}-at-${percent}`
      return toSample(measured, { candidate: candidate.name, work, round: 1, correct, offeredPerSecond: rate })
    },

    async list(candidate, rows, round) {
      const format = '%{http_code} %{time_starttransfer} %{time_total} %{size_download}'
      async function read() {
        const curl = ['curl', '-s', '-m', '120', '-o', '/dev/null', '-w', format, `${candidate.url}/read`]
        const [status, ttfb = 0, seconds = 0, bytes] = (await exec('load', curl)).split(' ').map(Number)
        return { ttfb, seconds, correct: status === 200 && bytes === listBytes(rows) }
      }
      // Reading the engine's statistics often enough for the peak of the memory takes a tenth of the machine.
      const timed = await read()
      const { result: measured, usage } = await withUsage([...candidate.services, ...databases], 100, read)
      return {
        candidate: candidate.name,
        work: `list-${rows}`,
        round,
        perSecond: 1 / timed.seconds,
        p50Ms: timed.seconds * 1000,
        ttfbMs: timed.ttfb * 1000,
        errors: [timed, measured].filter(({ correct }) => !correct).length,
        correct: timed.correct && measured.correct,
        cpuMsPerRequest: eachOf(usage.cpuSeconds, (used) => used * 1000),
        peakMiB: usage.peakMiB,
        startMiB: usage.startMiB,
      }
    },

    async commits(threads, seconds, round) {
      await fill(0)
      const output = await exec('load', [
        'sh',
        '-c',
        `sysbench /bench/commit.lua --db-driver=mysql --mysql-host=db-writer --mysql-user=app \\
           --mysql-password="$(cat /run/credentials/password)" --mysql-db=testdb \\
           --threads=${threads} --time=${Math.ceil(seconds)} --percentile=50 run`,
      ])
      const number = (form: RegExp) => Number(form.exec(output)?.[1])
      const events = number(/total number of events: +(\d+)/)
      return {
        candidate: commits.name,
        work: `commits-${threads}`,
        round,
        perSecond: events / number(/total time: +([\d.]+)s/),
        p50Ms: number(/50th percentile: +([\d.]+)/),
        errors: 0,
        correct: (await count()) === events,
      }
    },

    async dump(rows, round) {
      const output = await exec('db-writer', [
        'bash',
        '-c',
        `mysql() { command mysql --host=db-reader --user=app --password="$(</run/credentials/app/password)" \\
           --ssl-mode=DISABLED --get-server-public-key --quick --batch --skip-column-names testdb "$@" 2>/dev/null; }
         start=$EPOCHREALTIME
         mysql -e 'SELECT dt FROM testtable ORDER BY dt, id' >/dev/null
         echo "$start $EPOCHREALTIME $(mysql -e 'SELECT COUNT(*) FROM testtable')"`,
      ])
      const [start = 0, end = 0, stored] = output.split(' ').map(Number)
      return {
        candidate: dump.name,
        work: `list-${rows}`,
        round,
        perSecond: 1 / (end - start),
        p50Ms: (end - start) * 1000,
        errors: 0,
        correct: stored === rows,
      }
    },
  }

  /** A write that was refused or not answered may be stored or not. */
  async function storedAsAcknowledged({ requests, refused, unanswered }: Load): Promise<boolean> {
    const [stored, acknowledged] = [await count(), requests - refused]
    return acknowledged <= stored && stored <= acknowledged + refused + unanswered
  }

  /** Whether the lists were complete, and are what the reader stores. */
  async function sendsStoredRows(candidate: Candidate, rows: number, { requests, refused, bytes }: Load) {
    const complete = bytes >= (requests - refused) * listBytes(rows)
    return complete && (candidate.name === 'file' || (await listsStoredRows(candidate)))
  }

  /** Whether the list is byte for byte what the reader stores. */
  async function listsStoredRows(candidate: Candidate): Promise<boolean> {
    const body = await exec('load', ['curl', '-s', `${candidate.url}/read`])
    const stored = await sqlOn(
      'db-reader',
      "SELECT DATE_FORMAT(dt, '%Y-%m-%d %H:%i:%s') FROM testtable ORDER BY dt, id",
    )
    return body === jsonTimes(stored.split('\n').filter(Boolean))
  }
}

function eachOf(values: Readonly<Record<string, number>>, change: (value: number) => number): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]))
}
