import { randomUUID } from 'node:crypto'
import type { RequestHandler } from 'express'
import type { Logger } from 'pino'

declare global {
  namespace Express {
    interface Request {
      /** The id under which every tier logs this request. */
      id: string
    }
    interface Locals {
      /** Where traces are followed: that of this request, for the log. */
      traceId?: string
    }
  }
}

const idForm = /^[A-Za-z0-9._-]{1,64}$/

/**
 * Gives each request its id (a valid incoming one is kept, a hostile one replaced) and logs a line when its answer
 * has ended. Health probes that succeed are not worth a line.
 */
export function requestLog(logger: Logger): RequestHandler {
  return (req, res, next) => {
    const startedAt = performance.now()
    const { method, originalUrl: path } = req
    const given = req.get('X-Request-Id')
    const id = given !== undefined && idForm.test(given) ? given : randomUUID()
    req.id = id
    res.setHeader('X-Request-Id', id)
    res.on('close', () => {
      const status = res.statusCode
      if (status < 400 && (path === '/healthz' || path === '/readyz')) return
      const durationMs = Math.round((performance.now() - startedAt) * 1000) / 1000
      const bytes = res.locals.bytes ?? 0
      const line = { id, traceId: res.locals.traceId, method, path, status, durationMs, bytes }
      if (!res.writableFinished) logger.warn(line, 'cut off')
      else if (status >= 500) logger.error(line, 'answered')
      else logger.info(line, 'answered')
    })
    next()
  }
}
