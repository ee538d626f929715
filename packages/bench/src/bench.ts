import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Stack } from '@repo/compose'
import { type Contestant, commits, constant, dump } from './contestants.ts'
import { jsonTimes, listBytes } from './list.ts'
import type { Sample } from './samples.ts'
import type { Usage, Watch } from './usage.ts'

const run = promisify(execFile)

/** Measures on a running stack; each method is one measurement. */
export interface Bench {
  /** Replaces the stored times by this many; done when the reader, too, has nothing left to apply. */
  fill(rows: number): Promise<void>
  writes(contestant: Contestant, connections: number, seconds: number, round: number): Promise<Sample>
  /** Requests for the whole list, of which there are `rows`. */
  reads(contestant: Contestant, rows: number, seconds: number, round: number): Promise<Sample>
  /** Nine reads to each write, beginning with a list of 100. */
  mix(contestant: Contestant, seconds: number, round: number): Promise<Sample>
  /** The whole list, of which there are `rows`: one request for the time, another for what it uses. */
  list(contestant: Contestant, rows: number, round: number): Promise<Sample>
  /** One-row commits by sysbench. */
  commits(threads: number, seconds: number, round: number): Promise<Sample>
  /** The list, dumped by `mysql --quick` over TCP from the machine next to the reader. */
  dump(rows: number, round: number): Promise<Sample>
}

/** What load.lua prints. */
interface Load {
  readonly requests: number
  readonly seconds: number
  readonly refused: number
  readonly broken: number
  readonly bytes: number
  readonly writes: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const databases = ['db-writer', 'db-reader']

const readConnections = 32

const fillRows = 100_000

/** Uses `stack`; the caller disposes of it. */
export function createBench(stack: Stack, watch: Watch): Bench {
  const containers = new Map<string, Promise<string[]>>()

  /** As the stack's, in half of the time: here no container is replaced, so Compose need not be asked each time. */
  async function exec(service: string, args: readonly string[]): Promise<string> {
    const known = containers.get(service) ?? stack.containers(service)
    containers.set(service, known)
    const [id = service] = await known
    return (await run('docker', ['exec', id, ...args], { maxBuffer: 64 * 1024 * 1024 })).stdout
  }

  const sqlOn = async (service: string, statement: string) =>
    (await exec(service, ['mysql', '--batch', '--skip-column-names', '-e', `USE testdb; ${statement}`])).trimEnd()
  const sql = (statement: string) => sqlOn('db-writer', statement)

  async function fill(rows: number): Promise<void> {
    // In parts, so that the reader applies one while the writer stores the next.
    const parts = Array.from({ length: Math.ceil(rows / fillRows) }, (_, part) => {
      const first = part * fillRows
      return `INSERT INTO testtable (dt)
        WITH RECURSIVE digits AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM digits WHERE n < 999)
        SELECT TIMESTAMP'2026-01-01 00:00:00' + INTERVAL (${first} + 1000 * high.n + low.n) SECOND
        FROM digits high, digits low
        WHERE high.n < ${fillRows / 1000} AND 1000 * high.n + low.n < ${Math.min(fillRows, rows - first)};`
    })
    const executed = await sql(`TRUNCATE testtable; ${parts.join('')} SELECT @@GLOBAL.gtid_executed`)
    const late = await sqlOn(
      'db-reader',
      `SELECT WAIT_FOR_EXECUTED_GTID_SET('${executed.replaceAll(/\\n|\s/g, '')}', 120)`,
    )
    if (late !== '0') throw new Error('the reader has not caught up within 120 s')
  }

  const count = async () => Number(await sql('SELECT COUNT(*) FROM testtable'))

  async function load(
    contestant: Contestant,
    script: string,
    path: string,
    connections: number,
    seconds: number,
  ): Promise<{ load: Load; usage: Usage }> {
    const { result, usage } = await watch([...contestant.services, ...databases], 500, () =>
      exec('load', [
        'wrk',
        '--threads=1',
        `--connections=${connections}`,
        // load.lua ends it long before.
        '--duration=90s',
        '--timeout=30s',
        '--latency',
        `--script=/bench/${script}.lua`,
        contestant.url + path,
        '--',
        String(seconds),
        String(connections),
      ]),
    )
    return { load: JSON.parse(result.trimEnd().split('\n').at(-1) as string) as Load, usage }
  }

  function toSample(
    { load, usage }: { load: Load; usage: Usage },
    about: Pick<Sample, 'contestant' | 'work' | 'round' | 'correct'>,
  ): Sample {
    return {
      ...about,
      perSecond: (load.requests - load.refused) / load.seconds,
      p50Ms: load.p50Ms,
      p99Ms: load.p99Ms,
      errors: load.refused + load.broken,
      cpuMsPerRequest: eachOf(usage.cpuSeconds, (seconds) => (seconds * 1000) / Math.max(1, load.requests)),
      peakMiB: usage.peakMiB,
      startMiB: usage.startMiB,
    }
  }

  return {
    fill,

    async writes(contestant, connections, seconds, round) {
      await fill(0)
      const measured = await load(contestant, 'load', '/write', connections, seconds)
      const { requests, refused, broken } = measured.load
      const [stored, acknowledged] = [await count(), requests - refused]
      // What was refused or broke may be stored or not.
      const correct = contestant === constant || (acknowledged <= stored && stored <= acknowledged + refused + broken)
      return toSample(measured, { contestant: contestant.name, work: `write-${connections}`, round, correct })
    },

    async reads(contestant, rows, seconds, round) {
      const path = contestant.name === 'file' ? `/${rows}` : '/read'
      const measured = await load(contestant, 'load', path, readConnections, seconds)
      const { requests, refused, bytes } = measured.load
      const whole = bytes >= (requests - refused) * listBytes(rows)
      const correct = whole && (contestant.name === 'file' || (await readsRight(contestant)))
      return toSample(measured, { contestant: contestant.name, work: `read-${rows}`, round, correct })
    },

    async mix(contestant, seconds, round) {
      await fill(100)
      const measured = await load(contestant, 'mix', '/', readConnections, seconds)
      const { writes, refused, broken } = measured.load
      const stored = (await count()) - 100
      const correct = writes - refused - broken <= stored && stored <= writes
      return toSample(measured, { contestant: contestant.name, work: 'mix', round, correct })
    },

    async list(contestant, rows, round) {
      const format = '%{http_code} %{time_starttransfer} %{time_total} %{size_download}'
      async function ask() {
        const curl = ['curl', '-s', '-m', '120', '-o', '/dev/null', '-w', format, `${contestant.url}/read`]
        const [status, ttfb = 0, seconds = 0, bytes] = (await exec('load', curl)).split(' ').map(Number)
        return { ttfb, seconds, right: status === 200 && bytes === listBytes(rows) }
      }
      // Watching the engine's accounts closely enough for the memory's peak takes a tenth of the machine.
      const timed = await ask()
      const { result: watched, usage } = await watch([...contestant.services, ...databases], 100, ask)
      return {
        contestant: contestant.name,
        work: `list-${rows}`,
        round,
        perSecond: 1 / timed.seconds,
        p50Ms: timed.seconds * 1000,
        ttfbMs: timed.ttfb * 1000,
        errors: [timed, watched].filter(({ right }) => !right).length,
        correct: timed.right && watched.right,
        cpuMsPerRequest: eachOf(usage.cpuSeconds, (used) => used * 1000),
        peakMiB: usage.peakMiB,
        startMiB: usage.startMiB,
      }
    },

    async commits(threads, seconds, round) {
      await fill(0)
      const printed = await exec('load', [
        'sh',
        '-c',
        `sysbench /bench/commit.lua --db-driver=mysql --mysql-host=db-writer --mysql-user=app \\
           --mysql-password="$(cat /run/credentials/password)" --mysql-db=testdb \\
           --threads=${threads} --time=${Math.ceil(seconds)} --percentile=50 run`,
      ])
      const number = (form: RegExp) => Number(form.exec(printed)?.[1])
      const events = number(/total number of events: +(\d+)/)
      return {
        contestant: commits.name,
        work: `commits-${threads}`,
        round,
        perSecond: events / number(/total time: +([\d.]+)s/),
        p50Ms: number(/50th percentile: +([\d.]+)/),
        errors: 0,
        correct: (await count()) === events,
      }
    },

    async dump(rows, round) {
      const printed = await exec('db-writer', [
        'bash',
        '-c',
        `mysql() { command mysql --host=db-reader --user=app --password="$(</run/credentials/app/password)" \\
           --ssl-mode=DISABLED --get-server-public-key --quick --batch --skip-column-names testdb "$@" 2>/dev/null; }
         start=$EPOCHREALTIME
         mysql -e 'SELECT dt FROM testtable ORDER BY dt, id' >/dev/null
         echo "$start $EPOCHREALTIME $(mysql -e 'SELECT COUNT(*) FROM testtable')"`,
      ])
      const [start = 0, end = 0, stored] = printed.trim().split(' ').map(Number)
      return {
        contestant: dump.name,
        work: `list-${rows}`,
        round,
        perSecond: 1 / (end - start),
        p50Ms: (end - start) * 1000,
        errors: 0,
        correct: stored === rows,
      }
    },
  }

  /** Whether the list is, byte for byte, what the reader has. */
  async function readsRight(contestant: Contestant): Promise<boolean> {
    const body = await exec('load', ['curl', '-s', `${contestant.url}/read`])
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
