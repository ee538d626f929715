import type { Request } from 'express'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { HttpError } from '../../src/http/problem.ts'
import { date, dateTime, decimal, id, integer, integerParameter, parseQuery, text } from '../../src/http/schema.ts'

const schema = z.strictObject({
  limit: integerParameter(1, 10_000).optional(),
  order: z.enum(['asc', 'desc'], { error: "must be 'asc' or 'desc'" }).optional(),
  name: z.string().regex(/^\w*$/).default('none'),
})

const parse = (query: string, by: z.ZodObject = schema) => parseQuery({ originalUrl: `/path${query}` } as Request, by)

function refusal(query: string, by: z.ZodObject = schema): string {
  try {
    return JSON.stringify(parse(query, by))
  } catch (error) {
    expect(error).toBeInstanceOf(HttpError)
    expect((error as HttpError).status).toBe(400)
    return (error as HttpError).message
  }
}

describe('parseQuery', () => {
  it('gives the values of the schema, with its defaults', () => {
    expect(parse('?limit=20&order=asc')).toEqual({ limit: 20, order: 'asc', name: 'none' })
    expect(parse('')).toEqual({ name: 'none' })
    expect(parse('?')).toEqual({ name: 'none' })
  })

  it('decodes names and values', () => {
    expect(parse('?%6eame=%61')).toEqual({ name: 'a' })
  })

  it('refuses an unknown parameter', () => {
    expect(refusal('?x=1')).toBe("Unknown query parameter 'x': expected limit, order, name.")
    expect(refusal('?x=1', z.strictObject({}))).toBe("Unknown query parameter 'x': expected none.")
  })

  it.each(['__proto__', 'constructor', 'toString'])('refuses %s, a property of every object', (name) => {
    expect(refusal(`?${name}=1`)).toContain(`Unknown query parameter '${name}': `)
  })

  it('refuses a duplicate parameter', () => {
    expect(refusal('?limit=1&limit=1')).toBe("Duplicate query parameter 'limit'.")
    expect(refusal('?name=&name=')).toBe("Duplicate query parameter 'name'.")
  })

  it('names each invalid parameter', () => {
    expect(refusal('?limit=x&order=up')).toBe(
      "'limit' must be an integer from 1 to 10,000. 'order' must be 'asc' or 'desc'.",
    )
  })

  it('reports a missing parameter', () => {
    expect(refusal('', z.strictObject({ id: z.string() }))).toBe("'id' is required.")
  })

  it('reports an invalid parameter whose schema has no message', () => {
    expect(refusal('?name=-')).toBe("'name' is invalid.")
  })
})

describe('integerParameter', () => {
  it.each(['1', '10000', '0042'])('accepts %j', (value) => {
    expect(parse(`?limit=${value}`)).toMatchObject({ limit: Number(value) })
  })

  it('accepts a negative one if its bounds do', () => {
    const by = z.strictObject({ limit: integerParameter(-5, 5) })
    expect(parse('?limit=-5', by)).toEqual({ limit: -5 })
    expect(refusal('?limit=-6', by)).toBe("'limit' must be an integer from -5 to 5.")
  })

  it.each(['', '0', '-1', '10001', '1.0', '1e3', '0x10', '%201', '+1', '١', '9'.repeat(400)])('refuses %j', (value) => {
    expect(refusal(`?limit=${value}`)).toBe("'limit' must be an integer from 1 to 10,000.")
  })
})

describe('the schemas of fields', () => {
  const message = (by: z.ZodType, value: unknown) => by.safeParse(value).error?.issues[0]?.message

  it.each<[string, z.ZodType, unknown[]]>([
    ['text', text(1, 5), ['x', 'äöü', '😀😀😀😀😀', "'\\\0"]],
    ['integer', integer(), [0, -2147483648, 2147483647]],
    ['decimal', decimal(5, 2), ['0', '-1.5', '123.45']],
    ['decimal without a fraction', decimal(3, 0), ['123', '-1']],
    ['date', date, ['2026-11-22', '2024-02-29']],
    ['dateTime', dateTime, ['2026-11-22T09:33:53Z', '2026-11-22T23:59:59.999Z']],
    ['id', id, [1, 2 ** 40]],
  ])('%s accepts', (_what, by, values) => {
    for (const value of values) expect(by.parse(value)).toBe(value)
  })

  it.each<[string, z.ZodType, unknown[]]>([
    ['must have 1 to 5 characters', text(1, 5), ['', '123456', '😀😀😀😀😀😀', 5, null]],
    ['must be well-formed Unicode', text(1, 5), ['\ud800']],
    ['must be an integer from -2,147,483,648 to 2,147,483,647', integer(), [1.5, 2147483648, '1', Number.NaN]],
    [
      'must be a decimal number of at most 5 digits, 2 of them after the point, as text',
      decimal(5, 2),
      [1.5, '1.', '.5', '1234', '1.234', '1e3', '+1', '1,5', ''],
    ],
    [
      'must be a date of the form 2026-11-22',
      date,
      ['2026-02-30', '2026-2-3', '0999-01-01', '2026-11-22T00:00:00Z', 5],
    ],
    [
      'must be a time of the form 2026-11-22T09:33:53.123Z',
      dateTime,
      [
        '2026-02-30T00:00:00Z',
        '2026-11-22T24:00:00Z',
        '2026-11-22T09:33:53',
        '2026-11-22T09:33:53+01:00',
        '2026-11-22',
        5,
      ],
    ],
    ['must be an id, an integer from 1', id, [0, -1, 1.5, '1']],
  ])('says %s', (expected, by, values) => {
    for (const value of values) expect([value, message(by, value)]).toEqual([value, expected])
  })
})
