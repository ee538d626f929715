import type { Schemas } from './api-types.ts'

/** An error response. Its message is meant for the reader of the page. */
export class ResponseError extends Error {
  readonly response: Response
  /** True if a write may have been carried out: the problem says so, or a tier lost the response. */
  readonly outcomeUnknown: boolean

  constructor(response: Response, message: string, outcomeUnknown: boolean) {
    super(message)
    this.response = response
    this.outcomeUnknown = outcomeUnknown
  }
}

const outcomeUnknown: Schemas['OutcomeUnknown']['type'] = '/openapi.json#/components/schemas/OutcomeUnknown'

/** Longer than the app takes to report that its database is unavailable. */
const timeoutMs = 2900

/** Longer than a reader may lag: later reads include the write without a token. */
const tokenMaxAgeMs = 60_000

/** Of the latest write of this page, so that what it reads includes that write. */
let latestWrite: { readonly token: string; readonly at: number } | undefined

/** The service's time at one `performance.now()`, by the latest response. The browser's own clock may be wrong. */
let clock = { time: Date.now(), at: performance.now() }

/**
 * The current time of the service, in milliseconds since 1970.
 *
 * @public for resources
 */
export const now = () => clock.time + performance.now() - clock.at

/**
 * Sends a request to the service. A read includes what this page has written before.
 *
 * @throws {ResponseError} for an error response.
 * @throws the error of `fetch` when there is no response in time.
 */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  if (latestWrite && performance.now() - latestWrite.at > tokenMaxAgeMs) latestWrite = undefined
  if (latestWrite && init.method === undefined) headers.set('Consistency-Token', latestWrite.token)
  const response = await fetch(path, { ...init, headers, cache: 'no-store', signal: AbortSignal.timeout(timeoutMs) })
  const time = Date.parse(response.headers.get('Date') ?? '')
  if (!Number.isNaN(time)) clock = { time, at: performance.now() }
  const token = response.headers.get('Consistency-Token')
  if (token !== null) latestWrite = { token, at: performance.now() }
  if (response.ok) return response
  if (response.status === 409 && headers.has('Consistency-Token')) {
    // The database was restored to an earlier state.
    latestWrite = undefined
    return send(path, init)
  }
  const problem: unknown = await response.json().catch(() => ({}))
  const { type, title, detail, requestId } = problem as Partial<Schemas['Problem'] | Schemas['OutcomeUnknown']>
  const reason = detail ?? title ?? `The response has status ${response.status}.`
  const message = requestId ? `${reason} (request ${requestId})` : reason
  throw new ResponseError(response, message, type === outcomeUnknown || [502, 504].includes(response.status))
}

/** The keys of writes whose outcome is not known, by what was sent. */
const unsettled = new Map<string, string>()

/**
 * Sends a write with a key, which makes a second attempt safe, also if it was committed before the first response was
 * lost. While its outcome is not known, the same write is sent with the same key.
 *
 * @throws like {@link send}. The outcome is unknown too when an attempt says nothing of an unknown one before it.
 */
export async function sendOnce(path: string, init: RequestInit): Promise<Response> {
  const write = JSON.stringify([path, init.method, init.body])
  const key = unsettled.get(write) ?? newKey()
  const headers = new Headers(init.headers)
  headers.set('Idempotency-Key', key)
  const attempt = async () => {
    try {
      const response = await send(path, { ...init, headers })
      unsettled.delete(write)
      return response
    } catch (error) {
      if (!(error instanceof ResponseError)) {
        unsettled.set(write, key)
        throw error
      }
      const { response, message, outcomeUnknown } = error
      // What is refused for its content was refused in each attempt. 409: an attempt before is still in progress.
      const isRefusal = [400, 413, 415, 422].includes(response.status)
      const isKnown = !outcomeUnknown && (isRefusal || !unsettled.has(write))
      if (isKnown) unsettled.delete(write)
      else unsettled.set(write, key)
      throw new ResponseError(response, message, !isKnown)
    }
  }
  return attempt().catch(async (first: unknown) => {
    if (first instanceof ResponseError && first.response.status < 500 && !first.outcomeUnknown) throw first
    await new Promise((resolve) => setTimeout(resolve, 1000))
    return attempt()
  })
}

/** `crypto.randomUUID` exists only where the page was loaded by https or from localhost. */
const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join('-')

/** The body of `GET /status`. */
export type Status = Schemas['Status']
