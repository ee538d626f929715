import { setTimeout as delay } from 'node:timers/promises'
import { freeze, thaw, waitFor } from '@repo/compose'
import { atLeast, atMost, type Drill } from '../drill.ts'
import { type HttpResponse, openHttpClient, type Send } from '../http.ts'
import { watchInternalErrors } from '../internal-errors.ts'
import { truncation } from '../rows.ts'
import type { TestEnvironment } from '../test-environment.ts'
import type { Workload } from '../workload.ts'

const pairs = 10_000
const sessions = 8
/** Of others than the sessions, so that a reader that lags lacks more than a page. */
const otherWritesPerSecond = 30
/** Of each write. Every tenth write is also followed by a walk through all pages. */
const readsPerWrite = 10

/** What the sessions have found. */
interface Findings {
  /** Rows that were acknowledged to anyone. */
  acknowledged: number
  /** Reads after a write, by the session that wrote. */
  compared: number
  /** … that lacked a row acknowledged before that write, or the write itself. */
  stale: number
  /** Walks through all pages, newest first. */
  walks: number
  /** … that skipped such a row. */
  skipping: number
  readonly statuses: Map<number, number>
}

/**
 * The reader stops applying and goes on, again and again, while the writer hangs briefly: what a session reads with
 * the token of its own write includes that write and all before it, and the pages of a list skip nothing.
 */
export const staleReads: Drill = {
  name: 'stale-reads',
  async run(environment) {
    const { topology, workload } = environment
    await topology.sql('db-writer', truncation(workload))
    const internalErrors = watchInternalErrors(environment)
    const client = openHttpClient(topology.url)
    const findings: Findings = { acknowledged: 0, compared: 0, stale: 0, walks: 0, skipping: 0, statuses: new Map() }
    const running = new AbortController()
    const fault = flicker(environment, running.signal)
    try {
      const all = Array.from({ length: sessions }, () => session(client.send, workload, findings, running.signal))
      all.push(writeSteadily(client.send, workload, findings, running.signal))
      const enough = () => findings.compared >= pairs
      await waitFor(`${pairs} reads`, enough, { timeoutMs: 600_000 }).catch(() => {})
      running.abort()
      await Promise.all(all)
    } finally {
      running.abort()
      await fault
      client.close()
    }
    const { compared, stale, walks, skipping, statuses } = findings
    const answers = [...statuses].map(([status, count]) => `${count.toLocaleString('en')} × ${status}`).join(', ')
    return [
      atLeast('reads after a write of the same session', pairs, compared, '', ` (${answers})`),
      atMost('… that lacked a write acknowledged before', 0, stale),
      atLeast('lists read page by page', 10, walks),
      atMost('… that skipped a row', 0, skipping),
      await internalErrors(),
    ]
  },
}

/** Writes, and reads what it has written, until aborted. */
async function session(send: Send, workload: Workload, findings: Findings, signal: AbortSignal): Promise<void> {
  const ask = async (path: string, headers: Readonly<Record<string, string>>) => {
    const outcome = await send({ method: 'GET', path, headers })
    return 'error' in outcome ? undefined : counted(outcome, findings)
  }
  for (let writes = 0; !signal.aborted; writes += 1) {
    const { acknowledged } = findings
    const outcome = await write(send, workload, findings)
    if (outcome === undefined) continue
    const token = { 'Consistency-Token': String(outcome.headers?.['consistency-token']) }
    const expected = acknowledged + 1
    for (let read = 0; read < readsPerWrite && !signal.aborted; read += 1) {
      const response = await ask(workload.listPath, token)
      const rows = response && rowsOf(workload, response)
      if (rows === undefined) continue
      findings.compared += 1
      if (rows < expected) findings.stale += 1
    }
    if (writes % 10 > 0) continue
    const rows = await walk(workload, token, ask)
    if (rows === undefined) continue
    findings.walks += 1
    if (rows < expected) findings.skipping += 1
  }
}

/** Stores a row; undefined if that is not acknowledged. */
async function write(send: Send, workload: Workload, findings: Findings): Promise<HttpResponse | undefined> {
  const outcome = await send({ ...workload.write(), method: 'POST' })
  if ('error' in outcome || workload.acknowledged(counted(outcome, findings)) === undefined) return undefined
  findings.acknowledged += 1
  return outcome
}

async function writeSteadily(send: Send, workload: Workload, findings: Findings, signal: AbortSignal): Promise<void> {
  const inFlight: Promise<unknown>[] = []
  for (; !signal.aborted; await delay(1000 / otherWritesPerSecond)) inFlight.push(write(send, workload, findings))
  await Promise.all(inFlight)
}

/** How many rows all pages have together, newest first; undefined if one could not be read. */
async function walk(
  workload: Workload,
  token: Readonly<Record<string, string>>,
  ask: (path: string, headers: Readonly<Record<string, string>>) => Promise<HttpResponse | undefined>,
): Promise<number | undefined> {
  let sum = 0
  // The first page alone has the token; each cursor carries on what its page was read from.
  for (let [path, headers]: [string | undefined, object] = [workload.newestPath, token]; path; headers = {}) {
    const response: HttpResponse | undefined = await ask(path, headers as Readonly<Record<string, string>>)
    const rows: number | undefined = response && rowsOf(workload, response)
    if (rows === undefined) return undefined
    sum += rows
    path = /<(.*)>; rel="next"/.exec(String(response?.headers?.link ?? ''))?.[1]
  }
  return sum
}

const rowsOf = (workload: Workload, response: HttpResponse) =>
  response.status === 200 ? workload.listed(response)?.length : undefined

function counted(response: HttpResponse, { statuses }: Findings): HttpResponse {
  statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
  return response
}

/** Until aborted: the reader lags for longer each time, also for so long that it is not read from, and the writer hangs. */
async function flicker({ topology }: TestEnvironment, signal: AbortSignal): Promise<void> {
  const [writer = ''] = await topology.containers('db-writer')
  for (let round = 0; !signal.aborted; round += 1) {
    await topology.sql('db-reader', 'STOP REPLICA SQL_THREAD')
    const end = performance.now() + (round % 4 === 3 ? 8000 : 500 * (1 + (round % 4)))
    while (performance.now() < end && !signal.aborted) {
      await delay(400)
      await freeze(writer)
      await delay(100)
      await thaw(writer)
    }
    await topology.sql('db-reader', 'START REPLICA SQL_THREAD')
    await delay(500)
  }
}
