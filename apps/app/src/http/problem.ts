import { STATUS_CODES } from 'node:http'
import {
  DatabaseError,
  DatabaseOverloaded,
  DatabaseUnavailable,
  DataNotFound,
  KeyInProgress,
  KeyReused,
  WriteOutcomeUnknown,
} from '@repo/db'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { invalidFields, outcomeUnknown } from './endpoint.ts'
import { send } from './send.ts'

declare global {
  namespace Express {
    interface Locals {
      /** The error that failed this request on the server's side, for its log line. */
      error?: unknown
      /** The limit that refused this request: that of requests in flight, or that of a queue behind it. */
      refusedBy?: 'admission' | 'queue'
      /** Called when the response begins to be streamed, before its end. */
      onStream?: () => void
      /** Whether an idempotency key makes it safe to send this request again. */
      keyed?: boolean
    }
  }
}

/** An error whose message the client may read. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

/** Why a field of a body is refused. */
export interface FieldError {
  readonly field: string
  /** Continues a sentence that begins with the field's name. */
  readonly detail: string
}

/** A body whose fields are refused; the client may read why. */
export class InvalidFields extends Error {
  override readonly name = 'InvalidFields'
  readonly errors: readonly FieldError[]

  constructor(errors: readonly FieldError[]) {
    super(errors.map(({ field, detail }) => `'${field}' ${detail}.`).join(' '))
    this.errors = errors
  }
}

/** What a client learns about an error. */
export interface Problem {
  /** @default 'about:blank', whose title is that of the status */
  readonly type?: string
  readonly title?: string
  readonly status: number
  readonly detail: string | undefined
  /** @default the problem is not one of fields */
  readonly errors?: readonly FieldError[]
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Decides what a client learns about an error. The message is public for an {@link HttpError}, and for an error of a
 * middleware with a 4xx `status`, unless its `expose` is false (the convention of
 * https://github.com/jshttp/http-errors). Everything else is a 500 without details.
 *
 * @param keyed whether the request can be sent again safely, because it has an idempotency key.
 */
export function toProblem(error: unknown, keyed = false): Problem {
  if (error instanceof HttpError) return { status: error.status, detail: error.message, headers: error.headers }
  if (error instanceof InvalidFields) {
    return { ...invalidFields, status: 422, detail: error.message, errors: error.errors, headers: {} }
  }
  if (error instanceof DatabaseUnavailable) return retryLater('The database is unavailable. Please try again.')
  if (error instanceof DatabaseOverloaded) return retryLater('The database is overloaded. Please try again.')
  if (error instanceof WriteOutcomeUnknown) {
    // Without a key there is no Retry-After: a client that sends it again may store it twice.
    const advice = keyed ? 'try again with the same Idempotency-Key' : 'check before you send it again'
    const detail = `It is not known whether the write was carried out. Please ${advice}.`
    return { ...outcomeUnknown, status: 503, detail, headers: keyed ? { 'Retry-After': '1' } : {} }
  }
  if (error instanceof KeyReused) {
    return {
      status: 422,
      detail: 'Another request has the same Idempotency-Key. Each request needs its own.',
      headers: {},
    }
  }
  if (error instanceof KeyInProgress) {
    const detail = 'A request with the same Idempotency-Key is in progress. Please try again.'
    return { status: 409, detail, headers: { 'Retry-After': '1' } }
  }
  if (error instanceof DataNotFound) {
    const detail =
      'No database has the data any more that the response has to include: it was restored to an earlier state, or the ' +
      'Consistency-Token is older than 24 hours. Please start again without token and cursor.'
    return { status: 409, detail, headers: {} }
  }
  if (error instanceof DatabaseError) {
    const refusal = foreignKeyRefusals.get(error.errno)
    if (refusal) return { ...refusal, headers: {} }
  }
  if (error instanceof URIError) return { status: 400, detail: 'The path cannot be decoded.', headers: {} }
  const { status, expose, message, type, limit } = Object(error) as Readonly<Record<string, unknown>>
  if (isClientError(status)) {
    const detail = expectedBody(type, limit) ?? String(message)
    return { status, detail: expose === false ? undefined : detail, headers: {} }
  }
  return { status: 500, detail: 'An internal error occurred.', headers: {} }
}

/** For an error of a body parser, whose message says only what was wrong. https://github.com/expressjs/body-parser#errors */
function expectedBody(type: unknown, limit: unknown): string | undefined {
  switch (type) {
    case 'entity.too.large':
      return `The body must have at most ${Number(limit).toLocaleString('en')} bytes.`
    case 'charset.unsupported':
      return 'The charset must be UTF-8.'
    case 'encoding.unsupported':
      return 'The Content-Encoding must be gzip, deflate, br or identity.'
    default:
      return undefined
  }
}

const rowIsReferenced = { status: 409, detail: 'Other entries refer to this one.' }
const noReferencedRow = { status: 422, detail: 'A field refers to an entry that does not exist.' }

/**
 * What a foreign key refuses, by the error's number; of a user who may not see the other table, the server names no key.
 * https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
 */
const foreignKeyRefusals: ReadonlyMap<number | undefined, Pick<Problem, 'status' | 'detail'>> = new Map([
  [1216, noReferencedRow],
  [1217, rowIsReferenced],
  [1451, rowIsReferenced],
  [1452, noReferencedRow],
])

const retryLater = (detail: string): Problem => ({ status: 503, detail, headers: { 'Retry-After': '1' } })

const isClientError = (status: unknown): status is number =>
  Number(status) >= 400 && Number(status) < 500 && STATUS_CODES[Number(status)] !== undefined

/** Answers a request that no route matched. */
export const notFound: RequestHandler = (req) => {
  throw new HttpError(404, `No resource at ${req.path}.`)
}

/** The one place that turns an error into a response: an RFC 9457 problem, whose `requestId` leads to the log. */
export const errorHandler: ErrorRequestHandler = (error: unknown, req, res, _next) => {
  const {
    type = 'about:blank',
    status,
    title = STATUS_CODES[status],
    detail,
    errors,
    headers,
  } = toProblem(error, res.locals.keyed)
  if (status >= 500 && !(error instanceof HttpError)) res.locals.error ??= error
  if (res.headersSent) {
    // The status is sent: only a closed connection shows the client that the body is incomplete.
    res.destroy()
    return
  }
  if (error instanceof DatabaseOverloaded) res.locals.refusedBy = 'queue'
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  send(
    res,
    status,
    'application/problem+json',
    JSON.stringify({ type, title, status, detail, errors, requestId: req.id }),
  )
}
