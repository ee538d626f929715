import { readFileSync } from 'node:fs'
import { Router } from 'express'
import { methodNotAllowed } from '../errors.ts'
import { send } from '../send.ts'

/** `/openapi.json`: the contract that these routes keep, from the same image as they. */
export function openapiRoutes(): Router {
  const document = readFileSync(new URL('../openapi.json', import.meta.url))
  const router = Router({ strict: true, caseSensitive: true })
  router
    .route('/openapi.json')
    .get((_req, res) => send(res, 200, 'application/json', document))
    .all(methodNotAllowed('GET', 'HEAD'))
  return router
}
