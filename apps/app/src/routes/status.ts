import type { Database } from '@repo/db'
import { Router } from 'express'
import { methodNotAllowed } from '../errors.ts'
import { queryOf } from '../query.ts'
import { send } from '../send.ts'

/**
 * `/status`: which instance answers, and what it sees of the database. Always 200, since it is the answer that counts;
 * `newest` changes when the list does, so that who watches need ask for nothing else.
 */
export function statusRoutes(database: Database, instance: string): Router {
  const router = Router({ strict: true, caseSensitive: true })
  router
    .route('/status')
    .get(async (req, res) => {
      queryOf(req, [])
      const { writer, reader, readsFrom, readerLagMs, newestId } = await database.status()
      const status = {
        instance,
        writer: writer ? 'ok' : 'failed',
        reader: reader ? 'ok' : 'failed',
        readsFrom,
        readerLagMs: readerLagMs === undefined ? null : Math.round(readerLagMs),
        newest: newestId ?? null,
      }
      send(res, 200, 'application/json', JSON.stringify(status))
    })
    .all(methodNotAllowed('GET', 'HEAD'))
  return router
}
