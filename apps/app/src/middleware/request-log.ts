import { randomUUID } from 'node:crypto'
import type { RequestHandler } from 'express'
import type { Logger } from 'pino'
import { requestIdForm } from '../http/endpoint.ts'

declare global {
  namespace Express {
    interface Request {
      /** The id under which every tier logs this request. */
      id: string
    }
    interface Locals {
      /** The id of this request's trace, for the log. Undefined without tracing. */
      traceId?: string
    }
  }
}

/**
 * Gives each request its id (a valid incoming one is kept, an invalid one replaced) and logs one line when its response
 * has ended, with the error that failed it. Successful health checks are not logged.
 */
export function requestLog(logger: Logger): RequestHandler {
  return (req, res, next) => {
    const startedAt = performance.now()
    const { method, originalUrl: path } = req
    const given = req.get('X-Request-Id')
    const id = given !== undefined && requestIdForm.test(given) ? given : randomUUID()
    req.id = id
    res.setHeader('X-Request-Id', id)
    res.on('close', () => {
      const { statusCode: status, writableFinished: completed } = res
      if (completed && status < 400 && (path === '/healthz' || path === '/readyz')) return
      const durationMs = Math.round((performance.now() - startedAt) * 1000) / 1000
      const { traceId, bytes = 0, error: err } = res.locals
      const subject = req.identity?.subject
      const line = { id, traceId, subject, method, path, status, durationMs, bytes, err }
      const message = completed ? 'request completed' : 'request aborted'
      // A response that the client did not wait for is not an error of the server.
      if (err !== undefined || (completed && status >= 500)) logger.error(line, message)
      else logger.info(line, message)
    })
    next()
  }
}
