import type { ReadPoint } from '@repo/db'
import { z } from 'zod'
import type { Exchange, Header } from './endpoint.ts'
import { send } from './send.ts'

/** The end of a page: the id of its last entry, and what it was read from. */
export interface Cursor {
  readonly id: number
  readonly seen: ReadPoint
}

const cursorError = "must be a cursor from a 'Link' header"

/** A cursor as clients send it back. */
const encodeCursor = ({ id, seen }: Cursor) => Buffer.from([id, seen.server, seen.beat].join(' ')).toString('base64url')

/** The query parameter with a cursor. */
export const cursor = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/, { error: cursorError, abort: true })
  .transform((text, context): Cursor => {
    const form = /^([1-9]\d{0,14}) ([0-9a-f]{12}) (\d{1,15})$/
    const [, id, server = '', beat] = form.exec(Buffer.from(text, 'base64url').toString()) ?? []
    if (id !== undefined) return { id: Number(id), seen: { server, beat: Number(beat) } }
    context.addIssue({ code: 'custom', message: cursorError })
    return z.NEVER
  })

/**
 * The header of a response with a page.
 *
 * @public for resources
 */
export const linkHeader = {
  Link: { description: 'The link to the next page, if there is one', schema: z.string().regex(/^<\/.*>; rel="next"$/) },
} satisfies Record<string, Header>

/** A page ends early, after the entry with which it has as many bytes of JSON: it is in memory as a whole. */
export const pageBytes = 1024 ** 2

/** Some entries in order. */
export interface Page<Entry extends object = object> {
  readonly entries: readonly Entry[]
  /** Where the next page begins; undefined when this is the last. */
  readonly next: Cursor | undefined
}

/** Sends a page as a JSON array; the link to the next one has the query of this one. */
export function sendPage({ req, res }: Pick<Exchange<unknown>, 'req' | 'res'>, { entries, next }: Page): void {
  if (next) {
    const query = new URLSearchParams(req.originalUrl.split('?', 2)[1])
    query.set('after', encodeCursor(next))
    res.setHeader('Link', `<${req.path}?${query}>; rel="next"`)
  }
  send(res, 200, 'application/json', JSON.stringify(entries))
}
