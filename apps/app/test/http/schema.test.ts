import type { Request } from 'express'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { HttpError } from '../../src/http/problem.ts'
import { integerParameter, parseQuery } from '../../src/http/schema.ts'

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
    expect(refusal('?x=1')).toBe("Unknown query parameter 'x'.")
  })

  it.each(['__proto__', 'constructor', 'toString'])('refuses %s, a property of every object', (name) => {
    expect(refusal(`?${name}=1`)).toBe(`Unknown query parameter '${name}'.`)
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

  it.each(['', '0', '-1', '10001', '1.0', '1e3', '0x10', '%201', '+1', '١', '9'.repeat(400)])('refuses %j', (value) => {
    expect(refusal(`?limit=${value}`)).toBe("'limit' must be an integer from 1 to 10,000.")
  })
})
