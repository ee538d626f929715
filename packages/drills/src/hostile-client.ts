// Runs inside the topology, in a container of the app's image: `node hostile-client.ts COUNT HOST:PORT…`.
// Prints what the targets answered as JSON, in the form of Report.
import { connect } from 'node:net'
import { hostileRequests } from './hostile-requests.ts'

/** How a target answered hostile requests. */
export interface Report {
  readonly target: string
  readonly sent: number
  /** By status; `closed` without an answer, `silent` until the client gave up, `unreadable`. */
  readonly answers: Readonly<Record<string, number>>
  /** Which requests got a 5xx, silence or something unreadable, by name: what they got. */
  readonly bad: Readonly<Record<string, string>>
}

// "Go on" is not yet an answer.
const interim = /^HTTP\/1\.1 100 .*?\r\n\r\n/s

const [count = '0', ...targets] = process.argv.slice(2)
const reports: Report[] = []
for (const target of targets) reports.push(await attack(target, Number(count)))
process.stdout.write(JSON.stringify(reports))

async function attack(target: string, total: number): Promise<Report> {
  const answers: Record<string, number> = {}
  const bad: Record<string, string> = {}
  const requests = hostileRequests(total).values()
  async function work(): Promise<void> {
    for (const { name, bytes } of requests) {
      const answer = await exchange(target, bytes)
      answers[answer] = (answers[answer] ?? 0) + 1
      if (!/^[1-4]\d\d$|^closed$/.test(answer)) bad[name] = answer
    }
  }
  await Promise.all(Array.from({ length: 64 }, work))
  return { target, sent: total, answers, bad }
}

/** Sends the bytes, says that no more will come, and gives the first status that comes back. */
function exchange(target: string, bytes: Buffer): Promise<string> {
  const [host = '', port] = target.split(':')
  return new Promise((resolve) => {
    let received = ''
    const socket = connect(Number(port), host)
    const finish = (answer: string) => {
      resolve(answer)
      socket.destroy()
    }
    socket.setTimeout(5000, () => finish('silent'))
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      received = `${received}${chunk}`.replace(interim, '')
      const status = /^HTTP\/1\.[01] (\d{3}) /.exec(received)?.[1]
      if (status !== undefined && status !== '100') finish(status)
      else if (status === undefined && received.length > 32) finish('unreadable')
    })
    socket.on('end', () => finish(received === '' ? 'closed' : 'unreadable'))
    socket.on('error', () => finish('closed'))
    socket.end(bytes)
  })
}
