import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Answer } from './lean-client.ts'

/** What became of one request. All times are milliseconds since 1970, on the clock that the containers share. */
export interface Attempt {
  readonly kind: 'write' | 'read'
  /** When the schedule wanted it sent. Latency counts from here, so that a stall is not hidden by sending less. */
  readonly plannedAt: number
  readonly sentAt: number
  readonly endedAt: number
  /** `acked`: as the contract promises. `refused`: answered, but otherwise. `open`: no whole answer. */
  readonly outcome: 'acked' | 'refused' | 'open'
  /** The stored second of an acknowledged write, else the status or what broke. */
  readonly detail: string
}

/** A steady load. */
export interface LoadOptions {
  /** Sends a GET for a path and gives the answer; never rejects. See {@link clientOf}. */
  readonly ask: (path: string) => Promise<Answer>
  readonly writesPerSecond: number
  readonly readsPerSecond: number
  /** The most requests under way; further ones are sent late, and their latency says so. @default 2000 */
  readonly inFlightLimit?: number
}

/** See {@link startLoad}. */
export interface Load {
  /** What has ended so far. */
  readonly attempts: readonly Attempt[]
  /** Sends no more, waits for what is under way and gives everything, in the order of sending. */
  stop(): Promise<readonly Attempt[]>
}

/**
 * Sends requests at a steady rate, whatever becomes of them: who waits for answers before sending more measures a
 * stalled service as an idle one. Runs until stopped.
 */
export function startLoad(options: LoadOptions): Load {
  const { ask, inFlightLimit = 2000 } = options
  const attempts: Attempt[] = []
  const startedAt = Date.now()
  const streams = (['write', 'read'] as const)
    .map((kind) => ({ kind, everyMs: 1000 / options[`${kind}sPerSecond`], sent: 0 }))
    .filter(({ everyMs }) => everyMs < Number.POSITIVE_INFINITY)
  let inFlight = 0
  let whenIdle: (() => void) | undefined

  function sendDue(): void {
    for (const stream of streams) {
      for (;;) {
        const plannedAt = startedAt + stream.sent * stream.everyMs
        if (plannedAt > Date.now() || inFlight >= inFlightLimit) break
        stream.sent += 1
        void send(stream.kind, plannedAt)
      }
    }
  }

  async function send(kind: Attempt['kind'], plannedAt: number): Promise<void> {
    inFlight += 1
    const sentAt = Date.now()
    const answer = await ask(kind === 'write' ? '/write' : '/read?limit=20')
    attempts.push({ kind, plannedAt, sentAt, endedAt: Date.now(), ...judged(kind, answer) })
    inFlight -= 1
    if (inFlight === 0) whenIdle?.()
  }

  const timer = setInterval(sendDue, 2)
  return {
    attempts,
    async stop() {
      clearInterval(timer)
      if (inFlight > 0) await new Promise<void>((resolve) => (whenIdle = resolve))
      return attempts.sort((a, b) => a.sentAt - b.sentAt)
    },
  }
}

/**
 * Asks a service at its address (without a slash at the end) with Node's own client, over connections that are kept.
 * The caller destroys it.
 *
 * @param timeoutMs after this long without a whole answer a request is given up.
 */
export function clientOf(url: string, timeoutMs = 10_000): { ask: LoadOptions['ask']; destroy(): void } {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 2000 })
  return { ask: (path) => askWith(agent, `${url}${path}`, timeoutMs), destroy: () => agent.destroy() }
}

function askWith(agent: Agent, url: string, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    const broken = (error: Error) => resolve({ broken: (error as NodeJS.ErrnoException).code ?? error.message })
    const signal = AbortSignal.timeout(timeoutMs)
    request(url, { agent, signal }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), broken)
    })
      .on('error', broken)
      .end()
  })
}

const time = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/

function judged(kind: Attempt['kind'], answer: Answer): Pick<Attempt, 'outcome' | 'detail'> {
  if ('broken' in answer) return { outcome: 'open', detail: answer.broken }
  if (answer.status !== 200) return { outcome: 'refused', detail: String(answer.status) }
  const second = answer.body.slice('Saved: '.length)
  if (kind === 'write') {
    if (answer.body.startsWith('Saved: ') && time.test(second)) return { outcome: 'acked', detail: second }
  } else if (isList(answer.body)) {
    return { outcome: 'acked', detail: '' }
  }
  return { outcome: 'refused', detail: `200 with ${JSON.stringify(answer.body.slice(0, 80))}` }
}

function isList(body: string): boolean {
  try {
    const list: unknown = JSON.parse(body)
    return Array.isArray(list) && list.every((item) => time.test(item))
  } catch {
    return false
  }
}
