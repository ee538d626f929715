import { DatabaseOverloaded, DatabaseUnavailable } from '@repo/db'
import type { ErrorRequestHandler, RequestHandler, Response } from 'express'
import type { Logger } from 'pino'
import { send } from './send.ts'

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

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

/** Ends the response with an RFC 9457 problem; `requestId` leads to the log. */
function sendProblem(res: Response, status: number, detail: string): void {
  const problem = { type: 'about:blank', title: titles[status], status, detail, requestId: res.req.id }
  send(res, status, 'application/problem+json', JSON.stringify(problem))
}

/** Answers what no route took. */
export const notFound: RequestHandler = (req) => {
  throw new HttpError(404, `No resource at ${req.path}.`)
}

/** Answers a method that the route does not have; for `route.all` behind the methods it has. */
export const methodNotAllowed =
  (...allowed: string[]): RequestHandler =>
  (req) => {
    throw new HttpError(405, `${req.method} is not possible here.`, { Allow: allowed.join(', ') })
  }

/**
 * Turns every error into an answer. What the client did wrong is told; what went wrong here is logged, and the client
 * gets the request's id.
 */
export function errorHandler(logger: Logger): ErrorRequestHandler {
  return (error: unknown, req, res, _next) => {
    if (res.headersSent) {
      // The status is out: only a cut connection can tell the client that this is not the whole answer.
      if (!req.destroyed)
        logger.error({ id: req.id, traceId: res.locals.traceId, err: error }, 'failed in the middle of an answer')
      res.destroy()
      return
    }
    if (error instanceof HttpError) {
      for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value)
      sendProblem(res, error.status, error.message)
    } else if (error instanceof DatabaseUnavailable || error instanceof DatabaseOverloaded) {
      logger.warn({ id: req.id, traceId: res.locals.traceId, err: error }, 'the database is away or too busy')
      if (error instanceof DatabaseOverloaded) res.locals.refusedBy = 'queue'
      res.setHeader('Retry-After', '1')
      sendProblem(res, 503, 'The service is busy or its database is away; please try again.')
    } else if (error instanceof URIError) {
      sendProblem(res, 400, 'The path cannot be decoded.')
    } else {
      logger.error({ id: req.id, traceId: res.locals.traceId, err: error }, 'failed')
      sendProblem(res, 500, 'Something went wrong here.')
    }
  }
}
