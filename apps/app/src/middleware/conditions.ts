import { hash } from 'node:crypto'
import type { Request } from 'express'
import type { Endpoint } from '../http/endpoint.ts'
import { HttpError } from '../http/problem.ts'

/**
 * The entity tag of an entry: a digest of its JSON, so that it identifies the state also after a restore. Without quotes.
 */
export const entityTag = (entry: object) => hash('sha256', JSON.stringify(entry)).slice(0, 32)

const tagForm = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/g

/**
 * Reads the `If-Match` of a request to a conditional endpoint.
 *
 * @returns what throws 412 for an entry in another state than the header names.
 * @throws {HttpError} 428 without the header, 400 for an invalid one.
 */
export function readCondition(req: Request, { conditional }: Endpoint): (entry: object) => void {
  if (!conditional) return () => {}
  const given = req.headers['if-match']
  if (given === undefined) {
    throw new HttpError(428, 'The If-Match header is required: the ETag of the state that is to be changed, or *.')
  }
  if (given.trim() === '*') return () => {}
  const tags = [...given.matchAll(tagForm)]
  // A list may have empty elements: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.1.2
  if (!/^,*\n(?:,+\n)*,*$/.test(given.replaceAll(tagForm, '\n').replaceAll(/[ \t]/g, ''))) {
    throw new HttpError(400, "The If-Match must be entity tags in quotes, or '*'.")
  }
  return (entry) => {
    const current = entityTag(entry)
    // A weak tag matches nothing: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1
    if (tags.some(([, weak, tag]) => weak === undefined && tag === current)) return
    throw new HttpError(412, 'The entry has changed since. Please read it again.')
  }
}
