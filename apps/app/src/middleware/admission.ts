import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Request, RequestHandler, Response } from 'express'
import { HttpError } from '../http/problem.ts'

/** How many requests are admitted at a time. */
export interface AdmissionOptions {
  /** The most requests in flight, of each {@link RequestKind}. */
  readonly inFlightLimit: number
  /** Above this mean delay of the event loop the limit shrinks. */
  readonly eventLoopDelayLimitMs: number
}

/**
 * Kinds are counted apart, so that none takes the places of another: reads may have long responses, which their clients
 * read slowly, and bodies may arrive slowly.
 */
export type RequestKind = 'read' | 'withBody' | 'other'

const sampleMs = 250

/**
 * Refuses at once the requests that could only queue: a fast 503 costs a fraction of a response, and with a growing
 * queue no response is in time. The second signal is the delay of the event loop, which shows work that a count of
 * requests does not. While the delay is above its limit, each sample halves a limit of requests, down to a sixteenth: that
 * of the reads first, if there are any. Then the limits return in steps. A lowered limit does not count the responses that
 * are being streamed: how long they take is up to their clients, and they would leave no place for short ones.
 */
export function admission(
  options: AdmissionOptions,
  kindOf: (req: Request) => RequestKind,
  delay: Delay = startDelay(),
): RequestHandler {
  const { inFlightLimit, eventLoopDelayLimitMs } = options
  const least = Math.ceil(inFlightLimit / 16)
  const unused = () => ({ limit: inFlightLimit, inFlight: 0, streamed: 0 })
  const kinds: Readonly<Record<RequestKind, ReturnType<typeof unused>>> = {
    read: unused(),
    withBody: unused(),
    other: unused(),
  }

  setInterval(() => {
    const delayMs = delay.mean / 1e6
    delay.reset()
    if (delayMs > eventLoopDelayLimitMs) {
      const { read, withBody, other } = kinds
      const lowered = Math.min(read.limit, read.inFlight) > least ? [read] : [withBody, other]
      for (const kind of lowered) kind.limit = Math.max(least, kind.limit / 2)
    } else {
      for (const kind of Object.values(kinds)) kind.limit = Math.min(inFlightLimit, kind.limit + least)
    }
  }, sampleMs).unref()

  return (req, res, next) => {
    const kind = kinds[kindOf(req)]
    if (kind.inFlight >= inFlightLimit || kind.inFlight - kind.streamed >= kind.limit) refuse(res)
    kind.inFlight += 1
    let streamed = 0
    res.locals.onStream = () => {
      streamed = 1
      kind.streamed += 1
    }
    res.on('close', () => {
      kind.inFlight -= 1
      kind.streamed -= streamed
    })
    next()
  }
}

/**
 * Refuses a request for which there is no place.
 *
 * @throws {HttpError} always.
 * @public for resources
 */
export function refuse(res: Response): never {
  res.locals.refusedBy = 'admission'
  throw new HttpError(503, 'The service is overloaded. Please try again.', { 'Retry-After': '1' })
}

/** The part of Node's histogram that is used. */
interface Delay {
  /** In nanoseconds; NaN without samples. */
  readonly mean: number
  reset(): void
}

function startDelay(): Delay {
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  return delay
}
