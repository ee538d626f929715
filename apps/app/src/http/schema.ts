import type { Request } from 'express'
import { z } from 'zod'
import type { Endpoint } from './endpoint.ts'
import { HttpError, InvalidFields } from './problem.ts'

/**
 * Reads the path's parameters by their schema.
 *
 * @throws {HttpError} 404 for an invalid one: there is no such path.
 */
export function parseParams<Schema extends z.ZodObject>(req: Request, schema: Schema): z.output<Schema> {
  const result = schema.safeParse(req.params)
  if (!result.success) throw new HttpError(404, `No resource at ${req.path}.`)
  return result.data
}

/**
 * Reads the query by its schema.
 *
 * @throws {HttpError} 400 for an unknown, duplicate, missing or invalid parameter. Its detail has a sentence for each: the
 * name and the schema's message.
 */
export function parseQuery<Schema extends z.ZodObject>(req: Request, schema: Schema): z.output<Schema> {
  const result = schema.safeParse(queryOf(req, Object.keys(schema.shape)), { error: defaultMessage })
  if (result.success) return result.data
  throw new HttpError(400, result.error.issues.map(({ path, message }) => `'${path.join('.')}' ${message}.`).join(' '))
}

/** The content types of an endpoint's body. */
export const bodyTypes = ({ method }: Endpoint) => [
  'application/json',
  ...(method === 'patch' ? ['application/merge-patch+json'] : []),
]

/**
 * Reads the JSON body by its schema, after `express.json()`.
 *
 * @throws {HttpError} 415 for another content type, 400 for a body that is no JSON object.
 * @throws {InvalidFields} with the name of each invalid field, of a hundred unknown ones, and the schema's message.
 */
export function parseBody<Schema extends z.ZodObject>(
  req: Request,
  schema: Schema,
  types: readonly string[],
): z.output<Schema> {
  if (req.is([...types]) === false) throw new HttpError(415, `The Content-Type must be ${types.join(' or ')}.`)
  const body: unknown = req.body ?? {}
  if (typeof body !== 'object' || Array.isArray(body)) throw new HttpError(400, 'The body must be a JSON object.')
  const result = schema.safeParse(body, { error: defaultMessage })
  if (result.success) return result.data
  throw new InvalidFields(
    result.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys
            .slice(0, namedKeys)
            .map((field) => ({ field, detail: `is unknown: expected ${Object.keys(schema.shape).join(', ')}` }))
        : [{ field: issue.path.join('.'), detail: issue.message }],
    ),
  )
}

/** A response names so many unknown fields at most: it must not be many times as long as its request. */
const namedKeys = 100

const defaultMessage = ({ input }: { input?: unknown }) => (input === undefined ? 'is required' : 'is invalid')

/** The query's parameters as they are sent. */
function queryOf(req: Request, allowed: readonly string[]): Readonly<Record<string, string>> {
  const at = req.originalUrl.indexOf('?')
  const values: Record<string, string> = {}
  if (at < 0) return values
  for (const [name, value] of new URLSearchParams(req.originalUrl.slice(at))) {
    if (!allowed.includes(name)) {
      throw new HttpError(400, `Unknown query parameter '${name}': expected ${allowed.join(', ') || 'none'}.`)
    }
    if (values[name] !== undefined) throw new HttpError(400, `Duplicate query parameter '${name}'.`)
    values[name] = value
  }
  return values
}

/** An integer in decimal digits. `Number` alone accepts '', '1e3' and '0x10' as well. */
export function integerParameter(min: number, max: number): z.ZodType<number> {
  const error = `must be an integer from ${min.toLocaleString('en')} to ${max.toLocaleString('en')}`
  return z.preprocess(
    (value) => (typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value),
    z.int({ error }).min(min, { error }).max(max, { error }),
  )
}

const idError = 'must be an id, an integer from 1'

/** An id of a row. */
export const id = z.int({ error: idError }).min(1, { error: idError })

/** The same in a path or a query. */
export const idParameter = z
  .string()
  .regex(/^[1-9][0-9]{0,14}$/, { error: idError })
  .transform(Number)

/** Text of a bounded length. */
export function text(min: number, max: number): z.ZodType<string> {
  const error = `must have ${min.toLocaleString('en')} to ${max.toLocaleString('en')} characters`
  return (
    z
      .string({ error })
      .min(min, { error })
      .max(max, { error })
      // UTF-8 has no lone surrogates: another text would be stored.
      .refine((value) => value.isWellFormed(), { error: 'must be well-formed Unicode' })
  )
}

/** An integer of a column of type INT. */
export function integer(): z.ZodType<number> {
  const error = 'must be an integer from -2,147,483,648 to 2,147,483,647'
  return z.int32({ error })
}

/** A number with a fraction, as text, so that no digit is lost on the way. */
export function decimal(precision: number, scale: number): z.ZodType<string> {
  const [digits, fraction] = [`[0-9]{1,${precision - scale}}`, `(\\.[0-9]{1,${scale}})?`]
  const error = `must be a decimal number of at most ${precision} digits, ${scale} of them after the point, as text`
  return z.string({ error }).regex(new RegExp(`^-?${digits}${scale > 0 ? fraction : ''}$`), { error })
}

/**
 * `Date.parse` accepts 30 February and hour 24, as another day.
 *
 * @public for resources
 */
export const existsAsUtc = (iso: string) => !Number.isNaN(Date.parse(iso)) && new Date(iso).toISOString() === iso

const dateError = 'must be a date of the form 2026-11-22'

/** A day. */
export const date = z
  .string({ error: dateError })
  .regex(/^[12][0-9]{3}-[0-9]{2}-[0-9]{2}$/, { error: dateError, abort: true })
  .refine((value) => existsAsUtc(`${value}T00:00:00.000Z`), { error: dateError })
  .meta({ format: 'date' })

const dateTimeError = 'must be a time of the form 2026-11-22T09:33:53.123Z'

/** A time in UTC, with or without milliseconds. */
export const dateTime = z
  .string({ error: dateTimeError })
  .regex(/^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z$/, {
    error: dateTimeError,
    abort: true,
  })
  .refine((value) => existsAsUtc(value.replace(/(:[0-9]{2})Z$/, '$1.000Z')), { error: dateTimeError })
  .meta({ format: 'date-time' })
