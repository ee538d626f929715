import type { RequestHandler } from 'express'
import { HttpError } from '../http/problem.ts'

/**
 * Refuses a request that a browser sends without its user's intent, before the handler of a GET that stores something: to
 * load a page in advance, or for a part of a page. A request without these headers passes, as that of any other client.
 * docs/decisions/0085-a-get-that-stores-needs-intent.md
 *
 * @throws {HttpError} 403
 */
export const requireIntent: RequestHandler = (req, _res, next) => {
  if (purposeHeaders.some((name) => /prefetch|prerender|preview/i.test(req.get(name) ?? ''))) {
    throw new HttpError(403, 'A request in advance stores nothing.')
  }
  const destination = req.get('Sec-Fetch-Dest') ?? (req.get('Sec-Fetch-Mode') === 'navigate' ? 'document' : 'empty')
  // `fetch` has the destination `empty`.
  const byScript = destination === 'empty' && req.get('Sec-Fetch-Site') !== 'cross-site'
  if (destination !== 'document' && !byScript) {
    throw new HttpError(403, 'A request for a part of a page, or by a script of another site, stores nothing.')
  }
  next()
}

// The standard's, and those of browsers before it.
const purposeHeaders = ['Sec-Purpose', 'Purpose', 'X-Purpose', 'X-Moz']
