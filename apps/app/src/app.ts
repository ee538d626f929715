import type { Database } from '@three-tier/db'
import express, { type Express, type RequestHandler } from 'express'
import { contentSecurityPolicy, crossOriginResourcePolicy } from 'helmet'
import type { Logger } from 'pino'
import { type AdmissionOptions, admission } from './admission.ts'
import { errorHandler, notFound } from './errors.ts'
import { requestLog } from './request-log.ts'
import { healthRoutes } from './routes/health.ts'
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
}

/** The HTTP contract as an Express application. It reads no environment and does no I/O of its own. */
export function createApp({ database, logger, isDraining, observers = [], ...limits }: AppDependencies): Express {
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
  app.use(admission(limits.admission))
  app.use(timesRoutes(database))
  app.use(notFound)
  app.use(errorHandler(logger))
  return app
}
