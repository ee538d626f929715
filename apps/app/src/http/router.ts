import express, { type Request, type RequestHandler, Router } from 'express'
import { readCondition } from '../middleware/conditions.ts'
import { readToken } from '../middleware/consistency.ts'
import { readKey } from '../middleware/idempotency.ts'
import { requireIntent } from '../middleware/intent.ts'
import type { Endpoint, Endpoints, Handlers } from './endpoint.ts'
import { HttpError } from './problem.ts'
import { bodyTypes, parseBody, parseParams, parseQuery } from './schema.ts'

type Handler = Handlers<Endpoints>[string]

const limit = '128kb'

/** Routes each endpoint to its handler; other methods on its path are answered with 405. */
export function createRouter<Of extends Endpoints>(endpoints: Of, handlers: Handlers<Of>): Router {
  const router = Router({ strict: true, caseSensitive: true })
  const all = Object.entries(endpoints).map(([id, endpoint]) => ({ endpoint, handle: handlers[id] as Handler }))
  for (const [path, group] of Map.groupBy(all, ({ endpoint }) => endpoint.path)) {
    const route = router.route(path.replaceAll(/{(\w+)}/g, ':$1'))
    const refuse = methodNotAllowed(group.flatMap(({ endpoint }) => methodsOf(endpoint)))
    for (const { endpoint, handle } of group) {
      // Express answers HEAD with the handler of GET, and HEAD must store nothing.
      if (endpoint.safe === false) route.head(refuse).get(requireIntent)
      if (endpoint.body) route[endpoint.method](express.json({ limit, type: bodyTypes(endpoint) }))
      else if (endpoint.method !== 'get' || endpoint.safe === false) route[endpoint.method](receiveBody)
      route[endpoint.method](validated(endpoint, handle))
    }
    route.all(refuse)
  }
  return router
}

const raw = express.raw({ limit, type: () => true })

/**
 * Receives the body of a write that has no use for it, so that none that is malformed, too long or cut off stores
 * something. With a key, a body is a part of the fingerprint, also an empty one.
 */
const receiveBody: RequestHandler = (req, res, next) => (hasBody(req) ? raw(req, res, next) : next())

const hasBody = ({ headers }: Request) =>
  headers['transfer-encoding'] !== undefined ||
  Number(headers['content-length']) > 0 ||
  headers['idempotency-key'] !== undefined

function methodsOf({ method, safe = true }: Endpoint): string[] {
  return method === 'get' && safe ? ['GET', 'HEAD'] : [method.toUpperCase()]
}

function validated(endpoint: Endpoint, handle: Handler): RequestHandler {
  const { params, query, body } = endpoint
  return (req, res) => {
    const given = {
      params: params && parseParams(req, params),
      query: query && parseQuery(req, query),
      body: body && parseBody(req, body, bodyTypes(endpoint)),
    }
    const key = readKey(req, endpoint)
    res.locals.keyed = key !== undefined
    const requireMatch = readCondition(req, endpoint)
    const { identity } = req
    return handle({ ...given, identity, key, after: readToken(req, endpoint), requireMatch, req, res })
  }
}

function methodNotAllowed(allowed: readonly string[]): RequestHandler {
  return (req) => {
    throw new HttpError(405, `Method ${req.method} is not allowed.`, { Allow: allowed.join(', ') })
  }
}
