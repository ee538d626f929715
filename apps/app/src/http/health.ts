import type { DatabaseClient } from '@repo/db'
import type { Router } from 'express'
import { z } from 'zod'
import { type Endpoints, problemContent, requestIdHeader, retryAfterHeader } from './endpoint.ts'
import { createRouter } from './router.ts'
import { send } from './send.ts'

/** Whether an endpoint of the database answers. */
export const health = z.enum(['ok', 'failed']).meta({ id: 'Health' })

const readiness = z
  .strictObject({ ready: z.boolean(), draining: z.boolean(), writer: health, reader: health })
  .meta({ id: 'Readiness' })

/** The endpoints that load balancers and operators check. */
export const healthEndpoints = {
  health: {
    method: 'get',
    path: '/healthz',
    summary: 'Whether the tier that answers accepts requests; does not check the database',
    responses: {
      200: { description: 'Healthy', content: { 'text/plain': z.literal('ok') } },
      503: {
        description: 'About to stop, or unavailable',
        content: { 'text/plain': z.literal('draining'), ...problemContent },
      },
    },
  },
  readiness: {
    method: 'get',
    path: '/readyz',
    summary: 'Whether the app reaches writer and reader',
    responses: {
      200: { description: 'Ready', headers: requestIdHeader, content: { 'application/json': readiness } },
      503: {
        description: 'An endpoint cannot be reached, or the app is about to stop',
        headers: { ...requestIdHeader, ...retryAfterHeader },
        content: { 'application/json': readiness },
      },
    },
  },
} satisfies Endpoints

/** `/healthz`: this process accepts requests. `/readyz`: it also reaches both endpoints of the database. */
export function healthRoutes(client: DatabaseClient, isDraining: () => boolean): Router {
  async function check(endpoint: 'writer' | 'reader'): Promise<z.infer<typeof health>> {
    return client.ping(endpoint).then(
      () => 'ok',
      () => 'failed',
    )
  }

  return createRouter(healthEndpoints, {
    // Without the database: its outage must never make a balancer or a group replace instances.
    health({ res }) {
      if (isDraining()) send(res, 503, 'text/plain', 'draining')
      else send(res, 200, 'text/plain', 'ok')
    },
    async readiness({ res }) {
      const [writer, reader] = await Promise.all([check('writer'), check('reader')])
      const draining = isDraining()
      const ready = !draining && writer === 'ok' && reader === 'ok'
      const body: z.infer<typeof readiness> = { ready, draining, writer, reader }
      if (!ready) res.setHeader('Retry-After', '1')
      send(res, ready ? 200 : 503, 'application/json', JSON.stringify(body))
    },
  })
}
