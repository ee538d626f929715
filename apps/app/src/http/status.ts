import type { DatabaseClient } from '@repo/db'
import type { Router } from 'express'
import { z } from 'zod'
import type { RunningResource } from '../resources/resource.ts'
import { commonResponses, type Endpoints, requestIdHeader } from './endpoint.ts'
import { health } from './health.ts'
import { createRouter } from './router.ts'
import { send } from './send.ts'

const databaseStatus = {
  instance: z.string().describe('The instance of the app tier that answers'),
  writer: health,
  reader: health,
  hasReader: z.boolean().describe('False if the reader is no server of its own but the writer'),
  readsFrom: z.enum(['reader', 'writer']).describe('Where reads go first'),
  readerLagMs: z
    .int()
    .min(0)
    .nullable()
    .describe('Replica lag; null while writer or reader is unavailable, and if both are one server'),
  durability: z
    .strictObject({
      copies: z
        .enum(['one', 'two', 'managed'])
        .describe(
          'On how many machines a write is when it is acknowledged; `managed`: the storage replicates, as on Aurora',
        ),
      since: z.iso.datetime().describe('When this instance first saw it so'),
      transactionsOnOne: z
        .int()
        .min(0)
        .describe("Transactions that were acknowledged on one machine, since the writer's start"),
    })
    .nullable()
    .describe('What an acknowledgement means; null while the writer is unavailable'),
}

/** The endpoint of the status. `added` is what the resources add to its body. */
export const statusEndpoints = (added: z.ZodRawShape = {}) =>
  ({
    status: {
      method: 'get',
      path: '/status',
      summary: 'Which instance answers, and how it sees the database',
      description:
        'Answers within about a second, with 200 also while the database is unavailable. ' +
        "The web tier adds its own instance's name as `X-Web-Instance`.",
      query: z.strictObject({}),
      responses: {
        200: {
          description: 'The status',
          headers: requestIdHeader,
          content: { 'application/json': z.strictObject({ ...databaseStatus, ...added }).meta({ id: 'Status' }) },
        },
        400: commonResponses.BadRequest,
        503: commonResponses.Unavailable,
      },
    },
  }) satisfies Endpoints

/** `/status` is 200 whatever it reports: it does not fail with the database. */
export function statusRoutes(client: DatabaseClient, instance: string, resources: readonly RunningResource[]): Router {
  return createRouter(statusEndpoints(), {
    async status({ res }) {
      const [{ writer, reader, hasReader, readsFrom, readerLagMs, durability }, ...added] = await Promise.all([
        client.status(),
        ...resources.map((resource) => resource.status?.()),
      ])
      const body = {
        instance,
        writer: writer ? 'ok' : 'failed',
        reader: reader ? 'ok' : 'failed',
        hasReader,
        readsFrom,
        readerLagMs: readerLagMs === undefined ? null : Math.round(readerLagMs),
        durability: durability
          ? {
              copies: durability.copies,
              since: durability.since.toISOString(),
              transactionsOnOne: durability.transactions.one,
            }
          : null,
      }
      send(res, 200, 'application/json', JSON.stringify(Object.assign(body, ...added)))
    },
  })
}
