// Runs inside the topology, in a container of the app's image: `node hostile-client.ts WORKLOAD COUNT HOST:PORT…`.
// Prints what the targets answered as JSON, in the form of Report[].
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { type HostileRequest, hostileRequests } from './hostile-requests.ts'
import { workloads } from './workloads/index.ts'

/** How a target answered hostile requests. */
export interface Report {
  readonly target: string
  readonly sent: number
  /** How many by status; `closed` without a response, `open` until the client gave up, `invalid` HTTP. */
  readonly answers: Readonly<Record<string, number>>
  /** The answers that no hostile request may get, by the request's name: a 5xx, `open` or `invalid`. */
  readonly violations: Readonly<Record<string, string>>
}

// An interim response is not the answer yet.
const interim = /^HTTP\/1\.1 100 .*?\r\n\r\n/s

/** Longer than the tiers wait for the rest of a request, on a busy machine too. */
const hangMs = 60_000

/** Long enough for a tier to look for a body that is not there yet. */
const pauseMs = 20

const [name, count = '0', ...targets] = process.argv.slice(2)
const workload = workloads.find((each) => each.name === name)
if (workload === undefined) throw new Error(`no such workload: ${name}`)
const requests = hostileRequests(workload, Number(count))
const reports: Report[] = []
for (const target of targets) reports.push(await attack(target, requests))
process.stdout.write(JSON.stringify(reports))

async function attack(target: string, requests: readonly HostileRequest[]): Promise<Report> {
  const answers: Record<string, number> = {}
  const violations: Record<string, string> = {}
  const remaining = requests.values()
  async function work(): Promise<void> {
    for (const { name, parts } of remaining) {
      const answer = await exchange(target, parts)
      answers[answer] = (answers[answer] ?? 0) + 1
      if (!/^[1-4]\d\d$|^closed$/.test(answer)) violations[name] = answer
    }
  }
  await Promise.all(Array.from({ length: 64 }, work))
  return { target, sent: requests.length, answers, violations }
}

/** Sends the parts, ends the sending side and resolves with the first status that comes back. */
function exchange(target: string, parts: readonly Buffer[]): Promise<string> {
  const [host = '', port] = target.split(':')
  return new Promise((resolve) => {
    let received = ''
    const socket = connect(Number(port), host)
    const finish = (answer: string) => {
      resolve(answer)
      socket.destroy()
    }
    socket.setTimeout(hangMs, () => finish('open'))
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      received = `${received}${chunk}`.replace(interim, '')
      const status = /^HTTP\/1\.[01] (\d{3}) /.exec(received)?.[1]
      if (status !== undefined && status !== '100') finish(status)
      else if (status === undefined && received.length > 32) finish('invalid')
    })
    socket.on('end', () => finish(received === '' ? 'closed' : 'invalid'))
    socket.on('error', () => finish('closed'))
    Readable.from(paced(parts)).pipe(socket)
  })
}

async function* paced(parts: readonly Buffer[]) {
  for (const [index, part] of parts.entries()) {
    if (index > 0) await setTimeout(pauseMs)
    yield part
  }
}
