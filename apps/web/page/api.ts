import type { Schemas } from './api-types.ts'

/** An error response. Its message is meant for the reader of the page. */
export class ResponseError extends Error {
  readonly response: Response

  constructor(response: Response, message: string) {
    super(message)
    this.response = response
  }
}

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
  const { title, detail, requestId }: Partial<Schemas['Problem']> = await response.json().catch(() => ({}))
  const reason = detail ?? title ?? `The response has status ${response.status}.`
  throw new ResponseError(response, requestId ? `${reason} (request ${requestId})` : reason)
}

/** The body of `GET /status`. */
export type Status = Schemas['Status']
