import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { text } from 'node:stream/consumers'

/** What a client sends. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Sent as JSON. @default no body */
  readonly json?: unknown
  /** @default none */
  readonly headers?: Readonly<Record<string, string>>
}

/** A complete response. */
export interface HttpResponse {
  readonly status: number
  readonly body: string
  /** @default none, or not kept */
  readonly headers?: IncomingHttpHeaders
}

/** A complete response, or why there is none. */
export type Outcome = HttpResponse | { readonly error: string }

/** Sends a request and resolves with what became of it; never rejects. */
export type Send = (request: HttpRequest) => Promise<Outcome>

/** What goes over the wire as a request's body, and its headers. */
export function encodeBody(request: HttpRequest): { body: string; headers: Readonly<Record<string, string>> } {
  const { json, headers = {} } = request
  if (json === undefined) return { body: '', headers }
  const body = JSON.stringify(json)
  const length = String(Buffer.byteLength(body))
  return { body, headers: { ...headers, 'Content-Type': 'application/json', 'Content-Length': length } }
}

/** Longer than any answer takes on a busy machine: only a hang takes longer. */
const hangMs = 60_000

/**
 * Node's own HTTP client with keep-alive connections. The caller closes it.
 *
 * @param url the service's address, without a slash at the end.
 * @param timeoutMs after this long without a complete response a request is aborted.
 */
export function openHttpClient(url: string, timeoutMs = hangMs): { send: Send; close(): void } {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 2000 })
  const send: Send = (asked) =>
    new Promise((resolve) => {
      const fail = (error: Error) => resolve({ error: (error as NodeJS.ErrnoException).code ?? error.message })
      const { body, headers: sent } = encodeBody(asked)
      const options = { agent, method: asked.method, headers: sent, signal: AbortSignal.timeout(timeoutMs) }
      request(`${url}${asked.path}`, options, (response) => {
        const { statusCode: status = 0, headers } = response
        text(response).then((received) => resolve({ status, body: received, headers }), fail)
      })
        .on('error', fail)
        .end(body)
    })
  return { send, close: () => agent.destroy() }
}
