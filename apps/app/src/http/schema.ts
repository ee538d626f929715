import type { Request } from 'express'
import { z } from 'zod'
import { HttpError } from './problem.ts'

/**
 * Reads the query by its schema.
 *
 * @throws {HttpError} 400 for an unknown, duplicate, missing or invalid parameter; see {@link parse}.
 */
export function parseQuery<Schema extends z.ZodObject>(req: Request, schema: Schema): z.output<Schema> {
  return parse(schema, queryOf(req, Object.keys(schema.shape)))
}

/**
 * Reads the JSON body by its schema, after `express.json()`.
 *
 * @throws {HttpError} 415 for another content type, 400 for an invalid body; see {@link parse}.
 */
export function parseBody<Schema extends z.ZodType>(req: Request, schema: Schema): z.output<Schema> {
  if (req.is('application/json') === false) throw new HttpError(415, 'The Content-Type must be application/json.')
  return parse(schema, req.body)
}

/** @throws {HttpError} 400; its detail has a sentence per issue: the name of the value and the schema's message. */
function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value, { error: defaultMessage })
  if (result.success) return result.data
  const sentences = result.error.issues.map(
    ({ path, message }) => `${path.length > 0 ? `'${path.join('.')}'` : 'The body'} ${message}.`,
  )
  throw new HttpError(400, sentences.join(' '))
}

function defaultMessage(issue: { code: string; input?: unknown; keys?: string[] }): string {
  if (issue.code === 'unrecognized_keys') return `has unknown fields: ${issue.keys?.join(', ')}`
  return issue.input === undefined ? 'is required' : 'is invalid'
}

/** The query's parameters as they are sent. */
function queryOf(req: Request, allowed: readonly string[]): Readonly<Record<string, string>> {
  const at = req.originalUrl.indexOf('?')
  const values: Record<string, string> = {}
  if (at < 0) return values
  for (const [name, value] of new URLSearchParams(req.originalUrl.slice(at))) {
    if (!allowed.includes(name)) throw new HttpError(400, `Unknown query parameter '${name}'.`)
    if (values[name] !== undefined) throw new HttpError(400, `Duplicate query parameter '${name}'.`)
    values[name] = value
  }
  return values
}

/** An integer in decimal digits. `Number` alone accepts '', '1e3' and '0x10' as well. */
export function integerParameter(min: number, max: number): z.ZodType<number> {
  const error = `must be an integer from ${min.toLocaleString('en')} to ${max.toLocaleString('en')}`
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value),
    z.int({ error }).min(min, { error }).max(max, { error }),
  )
}
