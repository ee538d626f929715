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

/**
 * Sends a request to the service.
 *
 * @throws {ResponseError} for an error response.
 * @throws the error of `fetch` when there is no response in time.
 */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(path, { ...init, cache: 'no-store', signal: AbortSignal.timeout(timeoutMs) })
  if (response.ok) return response
  const problem: Partial<Schemas['Problem'] | Schemas['OutcomeUnknown']> = await response.json().catch(() => ({}))
  const { type, title, detail, requestId } = problem
  const reason = detail ?? title ?? `The response has status ${response.status}.`
  const message = requestId ? `${reason} (request ${requestId})` : reason
  throw new ResponseError(response, message, type === outcomeUnknown || [502, 504].includes(response.status))
}

/** The body of `GET /status`. */
export type Status = Schemas['Status']
