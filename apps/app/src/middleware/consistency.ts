import type { CommitPoint, Point } from '@repo/db'
import type { Request, Response } from 'express'
import type { Endpoint } from '../http/endpoint.ts'
import { HttpError } from '../http/problem.ts'

/**
 * What the data has to include that a request reads.
 *
 * @throws {HttpError} 400 for an invalid `Consistency-Token`.
 */
export function readToken(req: Request, { consistent }: Endpoint): readonly Point[] {
  const token = req.headers['consistency-token']
  if (!consistent || token === undefined) return []
  const [, connection = '', number] = /^([0-9a-f]{16})-([1-9]\d{0,14})$/.exec(String(token)) ?? []
  if (connection === '') throw new HttpError(400, 'The Consistency-Token must be one from the answer to a write.')
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
