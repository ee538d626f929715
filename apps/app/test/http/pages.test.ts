import type { Request, Response } from 'express'
import { describe, expect, it } from 'vitest'
import { cursor, sendPage } from '../../src/http/pages.ts'

const next = { id: 41, seen: { server: 'abcdef012345', beat: 7 } }

/** The `Link` of a page that was asked for with this query. */
function linkOf(query: string): string {
  const headers: Record<string, unknown> = {}
  const res = { req: { headers: {} }, locals: {}, setHeader: (name: string, value: unknown) => (headers[name] = value) }
  const complete = { ...res, hasHeader: () => false, end: () => {} } as unknown as Response
  const req = { path: '/notes', originalUrl: `/notes${query}` } as Request
  sendPage({ req, res: complete }, { entries: [{ id: 42 }, { id: 41 }], next })
  return String(headers.Link)
}

describe('the link to the next page', () => {
  it('has the query of this one, and a cursor', () => {
    const [, query = ''] = /^<\/notes\?(.*)>; rel="next"$/.exec(linkOf('?state=open&limit=2')) ?? []
    const parameters = new URLSearchParams(query)
    expect([parameters.get('state'), parameters.get('limit')]).toEqual(['open', '2'])
    expect(cursor.parse(parameters.get('after'))).toEqual(next)
  })

  it('replaces the cursor of this one', () => {
    expect(linkOf('?after=MQ').match(/after=/g)).toHaveLength(1)
  })
})

describe('a cursor', () => {
  const encoded = (text: string) => Buffer.from(text).toString('base64url')

  it.each([
    '',
    '%',
    'x y',
    encoded('0 abcdef012345 7'),
    encoded('1'),
    encoded('1 abcdef012345 7 8'),
    encoded('1 xyz 7'),
  ])('is refused when it is %j', (text) => {
    expect(cursor.safeParse(text).error?.issues[0]?.message).toBe("must be a cursor from a 'Link' header")
  })
})
