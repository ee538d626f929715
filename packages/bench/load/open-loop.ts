// node open-loop.ts URL RATE SECONDS CONNECTIONS: prints one line of JSON.
import { setTimeout as delay } from 'node:timers/promises'
import { type Connection, openConnection } from './connection.ts'

/** What to send. */
export interface OpenLoop {
  readonly url: URL
  /** Requests per second. */
  readonly rate: number
  readonly seconds: number
  /** The most requests in flight; a further one waits for a connection. */
  readonly connections: number
}

/** What this and load.lua print. */
export interface Load {
  /** Requests that were answered. */
  readonly requests: number
  /** Until the last response. */
  readonly seconds: number
  /** Not answered with 200. */
  readonly refused: number
  readonly unanswered: number
  readonly bytes: number
  /** Of the requests that were answered with 200, like the other latencies. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Not of fewer than 1,000, and not by load.lua. */
  readonly p999Ms?: number | undefined
}

/**
 * Sends each request when it is due, whatever became of those before. Its latency counts from then, so that it includes
 * the wait for a connection while the server stalls. A client that waits for responses sends nothing during a stall, so
 * its latencies hardly show it: coordinated omission. The method is that of wrk2, https://github.com/giltene/wrk2.
 *
 * @throws if it cannot connect at first.
 */
export async function runOpenLoop({ url, rate, seconds, connections }: OpenLoop): Promise<Load> {
  const opened = await Promise.all(Array.from({ length: connections }, () => openConnection(url)))
  const total = Math.round(rate * seconds)
  const latencies: number[] = []
  let [next, refused, unanswered, bytes] = [0, 0, 0, 0]
  const startedAt = performance.now()

  /** The next request that no connection has taken, until there is none. */
  async function sendInTurn(connection: Connection): Promise<void> {
    while (next < total) {
      const dueAt = startedAt + (next * 1000) / rate
      next += 1
      await until(dueAt)
      const answer = await connection.get()
      bytes += answer?.bytes ?? 0
      if (answer === undefined) unanswered += 1
      else if (answer.status === 200) latencies.push(performance.now() - dueAt)
      else refused += 1
    }
  }

  await Promise.all(opened.map(sendInTurn))
  const endedAt = performance.now()
  for (const connection of opened) connection.close()
  const sorted = latencies.toSorted((a, b) => a - b)
  /** By nearest rank. */
  const percentile = (percent: number) => sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? 0
  return {
    requests: total - unanswered,
    seconds: (endedAt - startedAt) / 1000,
    refused,
    unanswered,
    bytes,
    p50Ms: percentile(50),
    p99Ms: percentile(99),
    p999Ms: sorted.length < 1000 ? undefined : percentile(99.9),
  }
}

/** Not before it: timers can be a fraction of a millisecond early. */
async function until(time: number): Promise<void> {
  for (let left = time - performance.now(); left > 0; left = time - performance.now()) await delay(Math.ceil(left))
}

if (import.meta.main) {
  const [url = '', rate, seconds, connections] = process.argv.slice(2)
  const options = { rate: Number(rate), seconds: Number(seconds), connections: Number(connections) }
  console.log(JSON.stringify(await runOpenLoop({ url: new URL(url), ...options })))
}
