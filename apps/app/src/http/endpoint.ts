import type { IdempotencyKey, Point } from '@repo/db'
import type { Request, Response } from 'express'
import { z } from 'zod'
import type { Identity } from '../middleware/identity.ts'

/** A header of a response. */
export interface Header {
  readonly description: string
  /** @default false */
  readonly required?: boolean
  readonly schema: z.ZodType
}

/** A response as the OpenAPI document describes it. */
export interface ResponseDefinition {
  readonly description: string
  readonly headers?: Readonly<Record<string, Header>>
  /** The body's schema by content type. @default there is no body */
  readonly content?: Readonly<Record<string, z.ZodType>>
}

/** One operation of the HTTP contract: it validates, gives the handler's types and the OpenAPI document. */
export interface Endpoint {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** With `{name}` in the place of each parameter. */
  readonly path: string
  readonly summary: string
  readonly description?: string
  /** The schemas of the path's parameters. What does not conform is an unknown path. @default there are none */
  readonly params?: z.ZodObject
  /** @default the query is not looked at */
  readonly query?: z.ZodObject
  /** The JSON body, of at most 128 KB; of a PATCH, a merge patch (RFC 7396). @default none is used */
  readonly body?: z.ZodObject
  readonly responses: Readonly<Record<number, ResponseDefinition>>
  /**
   * For a GET: whether it only reads. Then HEAD is answered by the same handler, and a browser may send it in advance or
   * for another site. @default true
   */
  readonly safe?: boolean
  /**
   * Whether a request with an `Idempotency-Key` is carried out once: the handler sees to that with {@link Exchange.key}.
   * @default false; a write with the header is refused then
   */
  readonly keyed?: boolean
  /**
   * Whether a request with a `Consistency-Token` is answered from data that includes that write: the handler sees to that
   * with {@link Exchange.after}. @default false; the header is not looked at
   */
  readonly consistent?: boolean
  /**
   * Whether a request must have an `If-Match`, so that it changes only what its client has seen: the handler sees to that
   * with {@link Exchange.requireMatch}. @default false; the header is not looked at
   */
  readonly conditional?: boolean
}

/** Endpoints by their operation ids. */
export type Endpoints = Readonly<Record<string, Endpoint>>

/** A group of endpoints, shown as a tag in the OpenAPI document. */
export interface EndpointGroup {
  readonly name: string
  readonly description: string
  readonly endpoints: Endpoints
}

/** A request whose parameters, query and body are validated, and its response. */
export interface Exchange<Query, Body = unknown, Params = unknown> {
  readonly params: Params
  readonly query: Query
  readonly body: Body
  /** @default the sender is not known */
  readonly identity: Identity | undefined
  /** Of a keyed endpoint: that of the request, if it has one. */
  readonly key: IdempotencyKey | undefined
  /** Of a consistent endpoint: what the data that is read has to include, for `client.read`. */
  readonly after: readonly Point[]
  /** Of a conditional endpoint: refuses the request unless its client has seen this state of the entry. */
  readonly requireMatch: (entry: object) => void
  readonly req: Request
  readonly res: Response
}

type QueryOf<Of extends Endpoint> = Of extends { query: infer Schema extends z.ZodObject } ? z.output<Schema> : unknown
type ParamsOf<Of extends Endpoint> = Of extends { params: infer Schema extends z.ZodObject }
  ? z.output<Schema>
  : unknown
type BodyOf<Of extends Endpoint> = Of extends { body: infer Schema extends z.ZodObject } ? z.output<Schema> : unknown

/** The handler of each endpoint. */
export type Handlers<Of extends Endpoints> = {
  readonly [Id in keyof Of]: (
    exchange: Exchange<QueryOf<Of[Id]>, BodyOf<Of[Id]>, ParamsOf<Of[Id]>>,
  ) => void | Promise<void>
}

const problemMembers = {
  status: z.int().min(400).max(599),
  detail: z.string().optional(),
  requestId: z.string().optional(),
}

const problem = z.strictObject({ type: z.literal('about:blank'), title: z.string(), ...problemMembers }).meta({
  id: 'Problem',
  description: 'RFC 9457. `detail` and `requestId` may be missing in one of a tier in front of the app.',
})

/** The problem type of a write whose outcome is not known; docs/decisions/0019-a-write-says-when-its-outcome-is-unknown.md. */
export const outcomeUnknown = {
  type: '/openapi.json#/components/schemas/OutcomeUnknown',
  title: 'Outcome Unknown',
} as const

const outcomeUnknownProblem = z
  .strictObject({
    type: z.literal(outcomeUnknown.type),
    title: z.literal(outcomeUnknown.title),
    ...problemMembers,
  })
  .meta({
    id: 'OutcomeUnknown',
    description:
      'RFC 9457. The write was sent, but no answer came in time or the connection was lost: it may or may not have been ' +
      'carried out. Who sends it again without an `Idempotency-Key` may store it twice.',
  })

/** The problem type of a body whose fields are refused. */
export const invalidFields = {
  type: '/openapi.json#/components/schemas/InvalidFields',
  title: 'Invalid Fields',
} as const

const invalidFieldsProblem = z
  .strictObject({
    type: z.literal(invalidFields.type),
    title: z.literal(invalidFields.title),
    ...problemMembers,
    errors: z
      .array(z.strictObject({ field: z.string(), detail: z.string() }))
      .describe('The refused fields, and why; the detail continues a sentence that begins with the name of the field'),
  })
  .meta({ id: 'InvalidFields', description: 'RFC 9457. Fields of the body are unknown or invalid.' })

/** What the value of an `Idempotency-Key` must be. */
export const keyForm = /^[\x20-\x7e]{1,255}$/

/** The request header of a keyed endpoint. */
export const idempotencyKeyHeader = {
  'Idempotency-Key': {
    description:
      'Chosen by the client, for one method and path: requests with the same key are carried out once, however often ' +
      'they are sent. It is remembered for at least 24 hours.',
    schema: z.string().regex(keyForm),
  },
} satisfies Record<string, Header>

/** The request header of a conditional endpoint. */
export const ifMatchHeader = {
  'If-Match': {
    description: 'The `ETag` of the state that is to be changed, or `*` for any',
    required: true,
    schema: z.string(),
  },
} satisfies Record<string, Header>

/** What a `Consistency-Token` is: the connection of a commit, and the number that it has there. */
export const tokenForm = /^[0-9a-f]{16}-[1-9][0-9]{0,14}$/

/** The request header of a consistent endpoint. */
export const consistencyTokenHeader = {
  'Consistency-Token': {
    description:
      'From the answer to a write: the answer to this request includes that write, and all before it. Valid for 24 hours.',
    schema: z.string().regex(tokenForm),
  },
} satisfies Record<string, Header>

/** The body of each error. */
export const problemContent = { 'application/problem+json': problem }

/** What the value of an `X-Request-Id` must be. */
export const requestIdForm = /^[A-Za-z0-9._-]{1,64}$/

/** The header of every response of the app tier. */
export const requestIdHeader = {
  'X-Request-Id': {
    description: "The id under which every tier logs the request: the request's own if it is valid, else a new one",
    required: true,
    schema: z.string().regex(requestIdForm),
  },
} satisfies Record<string, Header>

/**
 * The headers of a success of a keyed endpoint.
 *
 * @public for resources
 */
export const writtenHeaders = {
  'Consistency-Token': {
    description: 'Identifies the write: a read that sends it back sees it',
    required: true,
    schema: z.string().regex(tokenForm),
  },
  'Idempotency-Replayed': {
    description: 'Set if an earlier request with the key was carried out, whose response this is',
    schema: z.literal('true'),
  },
} satisfies Record<string, Header>

/**
 * The header of a response with one entry.
 *
 * @public for resources
 */
export const entityTagHeader = {
  ETag: {
    description: 'Identifies the state of the entry, for `If-Match`',
    required: true,
    schema: z.string().regex(/^"[0-9a-f]{32}"$/),
  },
} satisfies Record<string, Header>

/** The header of every 503 but {@link outcomeUnknown}. */
export const retryAfterHeader = {
  'Retry-After': {
    description: 'Seconds to wait before the next attempt',
    required: true,
    schema: z.string().regex(/^[0-9]+$/),
  },
} satisfies Record<string, Header>

/** Responses that many endpoints have in common, by their names in the OpenAPI document. */
export const commonResponses = {
  BadRequest: {
    description: 'A query parameter is unknown, duplicate or invalid, or the body is invalid',
    headers: requestIdHeader,
    content: problemContent,
  },
  NotFound: {
    description: 'Unknown path, or there is no such entry',
    headers: requestIdHeader,
    content: problemContent,
  },
  NotIntended: {
    description: 'A browser sent the request in advance, for a part of a page, or for a script of another site',
    headers: requestIdHeader,
    content: problemContent,
  },
  MethodNotAllowed: {
    description: 'The path does not have this method',
    headers: {
      ...requestIdHeader,
      Allow: {
        description: 'The allowed methods',
        required: true,
        schema: z.string().regex(/^[A-Z]+(, [A-Z]+)*$/),
      },
    },
    content: problemContent,
  },
  KeyInProgress: {
    description: 'A request with the same `Idempotency-Key` is in progress',
    headers: { ...requestIdHeader, ...retryAfterHeader },
    content: problemContent,
  },
  KeyReused: {
    description: 'Another request, with another query or body, has the same `Idempotency-Key`',
    headers: requestIdHeader,
    content: problemContent,
  },
  TooLarge: { description: 'The body has more than 128 KB', headers: requestIdHeader, content: problemContent },
  UnsupportedType: {
    description: 'The body has another content type, charset or coding',
    headers: requestIdHeader,
    content: problemContent,
  },
  InvalidFields: {
    description: 'Fields of the body are unknown or invalid; or, with a key, see KeyReused',
    headers: requestIdHeader,
    content: { 'application/problem+json': z.union([invalidFieldsProblem, problem]) },
  },
  Changed: {
    description: 'The entry has changed since the state that `If-Match` names',
    headers: requestIdHeader,
    content: problemContent,
  },
  ConditionRequired: { description: '`If-Match` is missing', headers: requestIdHeader, content: problemContent },
  Referenced: {
    description: 'Other entries refer to this one; or, with a key, see KeyInProgress, which alone has a `Retry-After`',
    headers: { ...requestIdHeader, 'Retry-After': { ...retryAfterHeader['Retry-After'], required: false } },
    content: problemContent,
  },
  DataNotFound: {
    description:
      'No database has the data any more that the response has to include, by its `Consistency-Token` or its cursor',
    headers: requestIdHeader,
    content: problemContent,
  },
  Unavailable: {
    description: 'The service is overloaded or its database is unavailable',
    headers: { ...requestIdHeader, ...retryAfterHeader },
    content: problemContent,
  },
  WriteUnavailable: {
    description:
      'The service is overloaded or its database is unavailable. The write was not carried out; or its outcome is not ' +
      'known, then the problem is an `OutcomeUnknown`, and only with an `Idempotency-Key` there is a `Retry-After`.',
    headers: { ...requestIdHeader, 'Retry-After': { ...retryAfterHeader['Retry-After'], required: false } },
    content: { 'application/problem+json': z.union([problem, outcomeUnknownProblem]) },
  },
} satisfies Record<string, ResponseDefinition>

/**
 * Responses that the keyed endpoints have in common.
 *
 * @public for resources
 */
export const keyedResponses = { 409: commonResponses.KeyInProgress, 422: commonResponses.KeyReused }

/**
 * The response that the consistent endpoints have in common.
 *
 * @public for resources
 */
export const consistentResponses = { 409: commonResponses.DataNotFound }
