import type { Database } from '@three-tier/db'
import express, { type Express } from 'express'
import type { Logger } from 'pino'
import { type AdmissionOptions, admission } from './admission.ts'
import { errorHandler, notFound } from './errors.ts'
import { requestLog } from './request-log.ts'
import { healthRoutes } from './routes/health.ts'
import { openapiRoutes } from './routes/openapi.ts'
import { statsRoutes } from './routes/stats.ts'
import { statusRoutes } from './routes/status.ts'
import { timesRoutes } from './routes/times.ts'

/** What the application works with. */
export interface AppDependencies {
  readonly database: Database
  readonly logger: Logger
  /** True when the process is about to stop. */
  readonly isDraining: () => boolean
  readonly admission: AdmissionOptions
  /** What this process is called among its like. */
  readonly instance: string
}

/** The HTTP contract as an Express application. It reads no environment and does no I/O but to read its document. */
export function createApp({ database, logger, isDraining, instance, ...limits }: AppDependencies): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')

  app.use(requestLog(logger))
  app.use((_req, res, next) => {
    // Tells the proxy not to use this connection again.
    if (isDraining()) res.setHeader('Connection', 'close')
    next()
  })
  app.use(healthRoutes(database, isDraining))
  app.use(admission(limits.admission))
  app.use(timesRoutes(database))
  app.use(statsRoutes(database))
  app.use(statusRoutes(database, instance))
  app.use(openapiRoutes())
  app.use(notFound)
  app.use(errorHandler(logger))
  return app
}
