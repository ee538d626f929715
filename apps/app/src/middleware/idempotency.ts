import { hash } from 'node:crypto'
import {
  type CommitPoint,
  createKeyedWrites,
  type DatabaseClient,
  type IdempotencyKey,
  type KeyedOutcome,
  markCommit,
  type Work,
} from '@repo/db'
import type { Request, Response } from 'express'
import { type Endpoint, type Exchange, keyForm } from '../http/endpoint.ts'
import { HttpError } from '../http/problem.ts'
import { send } from '../http/send.ts'
import { setToken } from './consistency.ts'

/**
 * Reads the `Idempotency-Key` of a request whose body is parsed.
 *
 * @throws {HttpError} 400 for an invalid key, and for a write that does not accept one: without a word, the client would
 *   rely on it.
 */
export function readKey(req: Request, { method, safe, keyed }: Endpoint): IdempotencyKey | undefined {
  const given = req.headers['idempotency-key']
  if (given === undefined) return undefined
  if (!keyed) {
    if (method === 'get' && safe !== false) return undefined
    throw new HttpError(400, `${req.method} ${req.path} does not accept an Idempotency-Key.`)
  }
  const key = String(given)
  if (!keyForm.test(key)) {
    throw new HttpError(400, 'The Idempotency-Key must have 1 to 255 printable ASCII characters.')
  }
  const [, query = ''] = req.originalUrl.split('?', 2)
  // No body is an empty one: a client, or a proxy, may announce it or not.
  const body: unknown = Buffer.isBuffer(req.body) ? req.body.toString('base64') : (req.body ?? '')
  return {
    // Of two senders each has its own keys.
    id: digest(`${req.method} ${req.path}\n${key}${req.identity ? `\n${req.identity.subject}` : ''}`),
    fingerprint: digest(JSON.stringify([query, body])),
  }
}

/** The first 128 bits of SHA-256. */
const digest = (text: string) => hash('sha256', text).slice(0, 32)

/**
 * A complete response that is the same each time a request is repeated.
 *
 * @public for resources
 */
export interface Answer {
  readonly status: number
  readonly contentType: string
  /** @default none but those of every response */
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * An answer as it is stored with a key.
 *
 * @public for resources
 */
export const encodeAnswer = ({ status, contentType, body, headers }: Answer): string =>
  JSON.stringify([status, contentType, body, ...(headers ? [headers] : [])])

/**
 * Sends the answer that was stored with the key of a request.
 *
 * @public for resources
 */
export function sendOutcome(res: Response, { result, replayed, point }: KeyedOutcome): void {
  if (replayed) res.setHeader('Idempotency-Replayed', 'true')
  const [status, contentType, body, headers] = JSON.parse(result)
  sendAnswer(res, { status, contentType, body, headers }, point)
}

/**
 * Sends the answer to a write that was committed.
 *
 * @public for resources
 */
export function sendAnswer(
  res: Response,
  { status, contentType, headers = {}, body }: Answer,
  point: CommitPoint,
): void {
  setToken(res, point)
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  send(res, status, contentType, body)
}

/** Runs `work` in a transaction on the writer and sends the answer; with a key, once for all requests that have it. */
export type AnswerOnce = (exchange: Pick<Exchange<unknown>, 'key' | 'res'>, work: Work<Answer>) => Promise<void>

/** Makes the handlers of keyed endpoints simple: see {@link AnswerOnce}. */
export function createAnswerOnce(client: DatabaseClient): AnswerOnce {
  const writes = createKeyedWrites(client)
  return async ({ key, res }, work) => {
    if (key === undefined) {
      const [answer, point] = await client.transaction(
        async (...given) => [await work(...given), await markCommit(given[0])] as const,
      )
      return sendAnswer(res, answer, point)
    }
    sendOutcome(res, await writes.run(key, async (...given) => encodeAnswer(await work(...given))))
  }
}
