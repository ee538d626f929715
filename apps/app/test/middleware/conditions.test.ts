import type { Request } from 'express'
import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../../src/http/endpoint.ts'
import { entityTag, readCondition } from '../../src/middleware/conditions.ts'

const endpoint: Endpoint = { method: 'patch', path: '/', summary: '', conditional: true, responses: {} }
const entry = { id: 1, text: 'as it is' }
const tag = entityTag(entry)

const condition = (ifMatch?: string) => readCondition({ headers: { 'if-match': ifMatch } } as Request, endpoint)

describe('entityTag', () => {
  it('differs between states', () => {
    expect(tag).toMatch(/^[0-9a-f]{32}$/)
    expect(entityTag({ ...entry })).toBe(tag)
    expect(entityTag({ ...entry, text: 'as it was' })).not.toBe(tag)
  })
})

describe('If-Match', () => {
  it.each([`"${tag}"`, `"o,t'h\\er", "${tag}"`, ` "${tag}" `, `, "${tag}",,`, '*'])(
    '%s lets the request pass',
    (ifMatch) => {
      condition(ifMatch)(entry)
    },
  )

  it.each([`"${'0'.repeat(32)}"`, '""', `W/"${tag}"`, `"a,"`])('%s is refused with 412 in this state', (ifMatch) => {
    expect(() => condition(ifMatch)(entry)).toThrow(expect.objectContaining({ status: 412 }))
  })

  it.each([tag, `"${tag}`, '', ',', '"a b"', '"a" "b"', '"a"b', '*, "a"'])('%j is refused with 400', (ifMatch) => {
    expect(() => condition(ifMatch)).toThrow(expect.objectContaining({ status: 400 }))
  })

  it('is required: without it the request is refused with 428', () => {
    expect(() => condition()).toThrow(expect.objectContaining({ status: 428 }))
  })

  it('is not looked at by other endpoints', () => {
    const read = readCondition({ headers: { 'if-match': '"other"' } } as Request, { ...endpoint, conditional: false })
    read(entry)
  })
})
