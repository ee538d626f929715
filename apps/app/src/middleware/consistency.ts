import type { CommitPoint, Point } from '@repo/db'
import type { Request, Response } from 'express'
import { type Endpoint, tokenForm } from '../http/endpoint.ts'
import { HttpError } from '../http/problem.ts'

/**
 * What the data has to include that a request reads.
 *
 * @throws {HttpError} 400 for an invalid `Consistency-Token`.
 */
export function readToken(req: Request, { consistent }: Endpoint): readonly Point[] {
  const token = req.headers['consistency-token']
  if (!consistent || token === undefined) return []
  if (!tokenForm.test(String(token))) {
    throw new HttpError(400, 'The Consistency-Token must be one from the answer to a write.')
  }
  const [connection = '', number] = String(token).split('-')
  return [{ connection, number: Number(number) }]
}

/**
 * Gives the client what identifies its write.
 *
 * @public for resources
 */
export function setToken(res: Response, { connection, number }: CommitPoint): void {
  res.setHeader('Consistency-Token', `${connection}-${number}`)
}
