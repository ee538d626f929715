import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type HttpRequest, openHttpClient, type Send } from './http.ts'
import type { LoadOptions } from './load.ts'
import type { LoadClients } from './test-environment.ts'
import type { Interval } from './workload.ts'

/** After so many milliseconds every second client gives up its first request: about when the write is carried out. */
const giveUpAfterMs = [2, 4, 8, 16]

/** A client that repeats a write for so long has no answer. */
const repeatForMs = 120_000

/** An acknowledged write and its token: whoever reads with it must find every write acknowledged before `sentAt`. */
export interface TokenOfWrite {
  readonly token: string
  readonly sentAt: number
  readonly acknowledged: Interval
}

/** See {@link openKeyedClients}. */
export interface KeyedClients extends LoadClients {
  /** When each write was sent first that is not acknowledged yet. */
  unanswered(): readonly number[]
  /** How many requests were sent again. */
  repeated(): number
  /** Of the latest acknowledged write; undefined before the first. */
  latest(): TokenOfWrite | undefined
}

/**
 * Clients that give each write an `Idempotency-Key`, and send it again until it is acknowledged. Half of them lose the
 * answer to their first request, which may have been carried out.
 */
export function openKeyedClients(
  url: string,
  workload: LoadOptions['workload'],
  rates: Pick<LoadClients, 'writesPerSecond' | 'readsPerSecond'>,
): KeyedClients {
  const ordinary = openHttpClient(url)
  const hurried = giveUpAfterMs.map((timeoutMs) => openHttpClient(url, timeoutMs))
  const unanswered = new Set<{ readonly sentAt: number }>()
  let [writes, repeated] = [0, 0]
  let latest: TokenOfWrite | undefined

  async function sendUntilAcknowledged(request: HttpRequest): ReturnType<Send> {
    const first = writes++ % 2 === 0 ? ordinary : hurried[(writes >> 1) % hurried.length]
    const write = { sentAt: Date.now() }
    unanswered.add(write)
    for (let client = first ?? ordinary, waitMs = 500; ; client = ordinary, repeated += 1) {
      const outcome = await client.send(request)
      const acknowledged = 'error' in outcome ? undefined : workload.acknowledged(outcome)
      // These statuses ask to send it again, or come from a proxy that lost an app. Any other one is a fault.
      const isFinal = acknowledged || ('status' in outcome && ![409, 502, 503, 504].includes(outcome.status))
      if (acknowledged && !('error' in outcome)) {
        unanswered.delete(write)
        latest = { ...write, acknowledged, token: String(outcome.headers?.['consistency-token']) }
      }
      if (isFinal || Date.now() - write.sentAt > repeatForMs) return outcome
      await delay(waitMs * (0.5 + Math.random()))
      waitMs = Math.min(2 * waitMs, 4000)
    }
  }

  return {
    ...rates,
    workload: {
      ...workload,
      write: () => ({ ...workload.write(), method: 'POST', headers: { 'Idempotency-Key': randomUUID() } }),
    },
    send: (request) => (request.headers === undefined ? ordinary.send(request) : sendUntilAcknowledged(request)),
    unanswered: () => [...unanswered].map(({ sentAt }) => sentAt),
    repeated: () => repeated,
    latest: () => latest,
    close() {
      for (const client of [ordinary, ...hurried]) client.close()
    },
  }
}
