import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { countsQuery, encodeCursor, listQuery, variables } from './schema.ts'

const cursorOf = (text: string) => Buffer.from(text).toString('base64url')
const problems = (result: { error?: { issues: { path: PropertyKey[]; message: string }[] } | undefined }) =>
  (result.error?.issues ?? []).map(({ path, message }) => `${path.join('.')} ${message}`)

describe('the query of a list', () => {
  it('may be empty', () => {
    expect(listQuery.parse({})).toEqual({})
  })

  it('has the position of a cursor', () => {
    const after = { dt: '2026-11-22 09:33:53.123', id: 42 }
    expect(listQuery.parse({ limit: '2', order: 'newest', after: encodeCursor(after) })).toEqual({
      limit: 2,
      order: 'newest',
      after,
    })
  })

  it.each([
    ['nothing', ''],
    ['text', 'abc'],
    ['no id', cursorOf('2026-11-22 09:33:53.123')],
    ['no milliseconds', cursorOf('2026-11-22 09:33:53 42')],
    ['an id that is no number', cursorOf("2026-11-22 09:33:53.123 1'--")],
    ['an id above what a number holds', cursorOf(`2026-11-22 09:33:53.123 ${'9'.repeat(16)}`)],
    ['month 13', cursorOf('2026-13-01 00:00:00.000 1')],
    ['30 February', cursorOf('2026-02-30 00:00:00.000 1')],
    ['29 February of a common year', cursorOf('2026-02-29 00:00:00.000 1')],
    ['hour 24', cursorOf('2026-11-22 24:00:00.000 1')],
    ['second 60', cursorOf('2026-12-31 23:59:60.000 1')],
    ['characters outside of base64url', `${cursorOf('2026-11-22 09:33:53.123 42')}=`],
  ])('refuses a cursor with %s', (_what, after) => {
    expect(problems(listQuery.safeParse({ limit: '1', after }))).toEqual([
      "after must be a cursor from a 'Link' header",
    ])
  })

  it('accepts 29 February of a leap year', () => {
    expect(listQuery.safeParse({ limit: '1', after: cursorOf('2028-02-29 00:00:00.000 1') }).success).toBe(true)
  })

  it.each(['after', 'order'])('refuses %s without a limit', (name) => {
    const value = { after: encodeCursor({ dt: '2026-11-22 09:33:53.123', id: 1 }), order: 'oldest' }[name]
    expect(problems(listQuery.safeParse({ [name]: value }))).toEqual([`${name} requires 'limit'`])
  })

  it('refuses another order', () => {
    expect(problems(listQuery.safeParse({ limit: '1', order: 'first' }))).toEqual([
      "order must be 'oldest' or 'newest'",
    ])
  })
})

describe('the query of the counts', () => {
  it('has instants in milliseconds', () => {
    expect(countsQuery.parse({ per: 'day', from: '2026-01-01T00:00:00Z' })).toEqual({
      per: 'day',
      from: Date.UTC(2026, 0, 1),
    })
  })

  it.each([undefined, '', 'week', 'DAY'])('refuses %j as a period', (per) => {
    expect(problems(countsQuery.safeParse({ per }))).toEqual(["per must be 'minute', 'hour' or 'day'"])
  })

  it.each([
    '2026-02-30T00:00:00Z',
    '2026-11-22T24:00:00Z',
    '2026-11-22',
    '2026-11-22T09:33:53',
    '2026-11-22T09:33:53.123Z',
    '2026-11-22T09:33:53+01:00',
    '0026-11-22T09:33:53Z',
    'yesterday',
    '',
  ])('refuses %j as an instant', (from) => {
    expect(problems(countsQuery.safeParse({ per: 'day', from }))).toEqual([
      'from must be a time of the form 2026-11-22T09:33:53Z',
    ])
  })
})

describe('LIST_LIMIT', () => {
  it('leaves half of the places of a process of the web tier to short reads', () => {
    const settings = readFileSync(new URL('../../../../web/httpd.conf', import.meta.url), 'utf8')
    const [, places] = /Define APP_LIMIT "max=(\d+) /.exec(settings) ?? []
    expect(settings).toMatch(/<Proxy balancer:\/\/reads>\n.* \$\{APP_LIMIT\}\n/)
    expect(variables.LIST_LIMIT.parse(undefined)).toBeLessThanOrEqual(Number(places) / 2)
  })
})
