import type { RequestHandler } from 'express'
import { HttpError } from '../http/problem.ts'

/**
 * Refuses a request before its handler if its client accepts a response neither as it is nor with gzip.
 * https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
 *
 * @throws {HttpError} 406
 */
export const requireEncoding: RequestHandler = (req, _res, next) => {
  if (!req.acceptsEncodings('identity', 'gzip')) {
    throw new HttpError(406, 'The Accept-Encoding must allow gzip or identity.')
  }
  next()
}
