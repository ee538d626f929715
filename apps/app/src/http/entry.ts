import type { Response } from 'express'
import { entityTag } from '../middleware/conditions.ts'
import type { Answer } from '../middleware/idempotency.ts'
import { HttpError } from './problem.ts'
import { send } from './send.ts'

/**
 * The entry of a request's path.
 *
 * @throws {HttpError} 404 if there is none.
 */
export function existing<Entry>(entry: Entry | undefined): Entry {
  if (entry === undefined) throw new HttpError(404, 'There is no such entry.')
  return entry
}

const tagOf = (entry: object) => ({ ETag: `"${entityTag(entry)}"` })

/** The answer to a write of one entry: the entry, and its tag. */
export function entryAnswer(status: 200 | 201, entry: object, headers: Answer['headers'] = {}): Answer {
  const body = JSON.stringify(entry)
  return { status, contentType: 'application/json', headers: { ...tagOf(entry), ...headers }, body }
}

/**
 * The answer to the deletion of an entry.
 *
 * @public for resources
 */
export const deletedAnswer: Answer = { status: 204, contentType: '', body: '' }

/**
 * Sends one entry and its tag.
 *
 * @public for resources
 */
export function sendEntry(res: Response, entry: object): void {
  for (const [name, value] of Object.entries(tagOf(entry))) res.setHeader(name, value)
  send(res, 200, 'application/json', JSON.stringify(entry))
}
