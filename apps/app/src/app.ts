import type { Database } from '@repo/db'
import express, { type Express, type RequestHandler } from 'express'
import { contentSecurityPolicy, crossOriginResourcePolicy } from 'helmet'
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
  /** What looks on at every request, before all else. @default nothing */
  readonly observers?: readonly RequestHandler[]
  /** What this process is called among its like. */
  readonly instance: string
}

/** The HTTP contract as an Express application. It reads no environment and does no I/O but to read its document. */
export function createApp(dependencies: AppDependencies): Express {
  const { database, logger, isDraining, observers = [], instance } = dependencies
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')

  for (const observe of observers) app.use(observe)
  app.use(requestLog(logger))
  // What a browser may do with JSON and plain text: nothing. Apache says `nosniff`, for its own answers as well.
  app.use(
    contentSecurityPolicy({ useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } }),
  )
  app.use(crossOriginResourcePolicy({ policy: 'same-origin' }))
  app.use((_req, res, next) => {
    // Tells the proxy not to use this connection again.
    if (isDraining()) res.setHeader('Connection', 'close')
    next()
  })
  app.use(healthRoutes(database, isDraining))
  app.use(admission(dependencies.admission))
  app.use(timesRoutes(database))
  app.use(statsRoutes(database))
  app.use(statusRoutes(database, instance))
  app.use(openapiRoutes())
  app.use(notFound)
  app.use(errorHandler(logger))
  return app
}
