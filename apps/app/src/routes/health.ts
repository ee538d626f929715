import type { Database } from '@repo/db'
import { Router } from 'express'
import { methodNotAllowed } from '../errors.ts'
import { send } from '../send.ts'

/** `/healthz`: this process is fit for requests. `/readyz`: it also reaches both endpoints of the database. */
export function healthRoutes(database: Database, isDraining: () => boolean): Router {
  const router = Router({ strict: true, caseSensitive: true })

  // No question to the database: its outage must never make a balancer or a group replace instances.
  router
    .route('/healthz')
    .get((_req, res) => {
      if (isDraining()) send(res, 503, 'text/plain', 'draining')
      else send(res, 200, 'text/plain', 'ok')
    })
    .all(methodNotAllowed('GET', 'HEAD'))

  router
    .route('/readyz')
    .get(async (_req, res) => {
      const endpoints = ['writer', 'reader'] as const
      const answers = await Promise.allSettled(endpoints.map((endpoint) => database.ping(endpoint)))
      const states = answers.map((answer, at) => [endpoints[at], answer.status === 'fulfilled' ? 'ok' : 'failed'])
      const draining = isDraining()
      const ready = !draining && answers.every((answer) => answer.status === 'fulfilled')
      if (!ready) res.setHeader('Retry-After', '1')
      send(
        res,
        ready ? 200 : 503,
        'application/json',
        JSON.stringify({ ready, draining, ...Object.fromEntries(states) }),
      )
    })
    .all(methodNotAllowed('GET', 'HEAD'))

  return router
}
