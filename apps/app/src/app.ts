import type { DatabaseClient } from '@repo/db'
import express, { type Express, type Request, type RequestHandler } from 'express'
import { contentSecurityPolicy, crossOriginResourcePolicy } from 'helmet'
import type { Logger } from 'pino'
import { hasBody } from './http/body.ts'
import { contractEndpoints, contractRoutes } from './http/contract.ts'
import { healthRoutes } from './http/health.ts'
import { errorHandler, notFound } from './http/problem.ts'
import { statusEndpoints, statusRoutes } from './http/status.ts'
import { type AdmissionOptions, admission, type RequestKind } from './middleware/admission.ts'
import { requireEncoding } from './middleware/encoding.ts'
import { type Identify, identification } from './middleware/identity.ts'
import { requestLog } from './middleware/request-log.ts'
import type { RunningResource } from './resources/resource.ts'

/** What the application depends on. */
export interface AppDependencies {
  readonly client: DatabaseClient
  readonly resources: readonly RunningResource[]
  readonly logger: Logger
  /** True once the process is about to stop. */
  readonly isDraining: () => boolean
  readonly admission: AdmissionOptions
  /** Handlers that see every request first. @default none */
  readonly observers?: readonly RequestHandler[]
  /** @default every request is anonymous */
  readonly identify?: Identify | undefined
  /** The name of this process among the instances of its tier. */
  readonly instance: string
}

/** The HTTP contract as an Express application. It does no I/O and reads no environment. */
export function createApp(dependencies: AppDependencies): Express {
  const { client, resources, logger, isDraining, observers = [], identify, instance } = dependencies
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')

  for (const observe of observers) app.use(observe)
  app.use(requestLog(logger))
  // A browser may do nothing with JSON and plain text. Apache sets `nosniff`, for its own responses as well.
  app.use(
    contentSecurityPolicy({ useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } }),
  )
  app.use(crossOriginResourcePolicy({ policy: 'same-origin' }))
  app.use((_req, res, next) => {
    // The proxy must not reuse this connection.
    if (isDraining()) res.setHeader('Connection', 'close')
    next()
  })
  app.use(healthRoutes(client, isDraining))
  app.use(requireEncoding)
  app.use(admission(dependencies.admission, kindsOf(resources)))
  if (identify) app.use(identification(identify))
  for (const { router } of resources) app.use(router)
  app.use(statusRoutes(client, instance, resources))
  app.use(contractRoutes())
  app.use(notFound)
  app.use(errorHandler)
  return app
}

/** Recognises reads and writes with a body; apps/web/httpd.conf draws the same lines. */
function kindsOf(resources: readonly RunningResource[]): (req: Request) => RequestKind {
  const endpoints = resources.flatMap((resource) => Object.values(resource.endpoints))
  const writesByGet = new Set(endpoints.filter(({ safe }) => safe === false).map(({ path }) => path))
  const short = new Set([statusEndpoints().status, contractEndpoints.contract].map(({ path }) => path))
  return (req) => {
    const { method, path } = req
    const reads = (method === 'GET' || method === 'HEAD') && !writesByGet.has(path)
    // A short response takes a place of the reads only if it may wait for a body.
    if (reads && (!short.has(path) || hasBody(req))) return 'read'
    return hasBody(req) ? 'withBody' : 'other'
  }
}
