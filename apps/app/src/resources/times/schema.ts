import { identifier, integer, type ReadPoint } from '@repo/db'
import { z } from 'zod'
import {
  commonResponses,
  consistentResponses,
  type Endpoints,
  keyedResponses,
  requestIdHeader,
  writtenHeaders,
} from '../../http/endpoint.ts'
import { linkHeader } from '../../http/pages.ts'
import { existsAsUtc, integerParameter } from '../../http/schema.ts'

const pageLimit = 10_000

/** The environment variables of the times. */
export const variables = {
  DB_TABLENAME: identifier.describe('Table of the times.'),
  SAVE_BATCH_LIMIT: integer(1, 10_000)
    .default(1000)
    .describe('The most times in one INSERT. 1: every save has an INSERT of its own.'),
  SAVE_QUEUE_LIMIT: integer(1, 100_000)
    .default(4000)
    .describe('The most saves waiting for an INSERT. Further ones are refused with 503.'),
  LIST_LIMIT: integer(1, 100_000)
    .default(64)
    .describe('The most complete lists being sent that are longer than a page. Further ones are refused with 503.'),
}

/** What the times add to `/status`. */
export const status = {
  newest: z
    .int()
    .min(0)
    .nullable()
    .describe('Changes when the list of times does, so that a client can poll it; null while it is unknown'),
}

const time = z
  .string()
  .regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$/)
  .meta({ id: 'Time', examples: ['2026-11-22 09:33:53'] })

const instantError = 'must be a time of the form 2026-11-22T09:33:53Z'

const instant = z
  .string()
  .regex(/^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/, { error: instantError, abort: true })
  .refine((text) => existsAsUtc(text.replace('Z', '.000Z')), { error: instantError })
  .meta({ id: 'Instant', format: 'date-time', examples: ['2026-11-22T09:33:53Z'] })

const period = z.enum(['minute', 'hour', 'day'], { error: "must be 'minute', 'hour' or 'day'" }).meta({ id: 'Period' })

/** The end of a page: the last time, as stored, and its row's id. */
export interface Cursor {
  /** `YYYY-MM-DD HH:MM:SS.mmm`, UTC. */
  readonly dt: string
  readonly id: number
  /** What the page was read from: the next one comes from data that includes it. @default it is not known */
  readonly seen?: ReadPoint | undefined
}

const cursorError = "must be a cursor from a 'Link' header"

const cursor = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/, { error: cursorError, abort: true })
  .transform((text, context): Cursor => {
    const decoded = Buffer.from(text, 'base64url').toString()
    // Without the last two, from the release before.
    const form = /^(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{3}) (\d{1,15})(?: ([0-9a-f]{12}) (\d{1,15}))?$/
    const [, dt = '', id, server, beat] = form.exec(decoded) ?? []
    if (existsAsUtc(`${dt.replace(' ', 'T')}Z`)) {
      return { dt, id: Number(id), seen: server === undefined ? undefined : { server, beat: Number(beat) } }
    }
    context.addIssue({ code: 'custom', message: cursorError })
    return z.NEVER
  })

/** A cursor as clients send it back. */
export const encodeCursor = ({ dt, id, seen }: Cursor) =>
  Buffer.from([dt, id, ...(seen ? [seen.server, seen.beat] : [])].join(' ')).toString('base64url')

/** The query of a list. */
export const listQuery = z
  .strictObject({
    limit: integerParameter(1, pageLimit)
      .optional()
      .describe('The most times in a page. Without it, all times are listed.'),
    order: z
      .enum(['oldest', 'newest'], { error: "must be 'oldest' or 'newest'" })
      .optional()
      .meta({ description: 'Which times come first. Requires `limit`.', default: 'oldest' }),
    after: cursor
      .optional()
      .describe('The end of the previous page, as the link in its `Link` header has it. Requires `limit`.'),
  })
  .refine(({ limit, after }) => limit !== undefined || after === undefined, {
    path: ['after'],
    error: "requires 'limit'",
  })
  .refine(({ limit, order }) => limit !== undefined || order === undefined, {
    path: ['order'],
    error: "requires 'limit'",
  })

/** The query of the counts. Instants are in milliseconds since 1970. */
export const countsQuery = z.strictObject({
  per: period,
  from: instant.transform(Date.parse).optional().describe('Default: 60 minutes, 24 hours or 30 days before `to`.'),
  to: instant.transform(Date.parse).optional().describe('Default: the end of the current period.'),
})

/** The most periods of a range. */
export const periodLimit = 1500

/** The body of the counts. */
export const counts = z
  .strictObject({
    per: period,
    from: instant,
    to: instant.describe('The end of the range, exclusive'),
    total: z.int().min(0).describe('The sum of `counts`'),
    counts: z
      .array(z.int().min(0))
      .min(1)
      .max(periodLimit)
      .describe('The number of times in each period from `from` to `to`'),
  })
  .meta({ id: 'Counts' })

const errors = { 400: commonResponses.BadRequest, ...consistentResponses, 503: commonResponses.Unavailable }
const writeErrors = { 400: commonResponses.BadRequest, ...keyedResponses, 503: commonResponses.WriteUnavailable }

const list = {
  query: listQuery,
  consistent: true,
  responses: {
    200: {
      description: 'The times in order',
      headers: {
        ...requestIdHeader,
        ...linkHeader,
      },
      content: {
        'application/json': z.array(time),
        'application/x-ndjson': z
          .string()
          .regex(/^("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"\n)*$/)
          .describe('One JSON string per line'),
      },
    },
    ...errors,
  },
}

const saved = {
  description: 'The time is stored; `/status` shows on how many machines',
  headers: { ...requestIdHeader, ...writtenHeaders },
  content: {
    'text/plain': z.string().regex(/^Saved: [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$/),
  },
}

const write = { path: '/write', summary: 'Stores the time of the request', query: z.strictObject({}), keyed: true }

/** The HTTP contract of the times. */
export const endpoints = {
  list: { ...list, method: 'get', path: '/', summary: 'Lists the stored times, like /read' },
  read: {
    ...list,
    method: 'get',
    path: '/read',
    summary: 'Lists the stored times: all of them, oldest first, or a page',
    description:
      'Read from the reader, or from the writer while the reader is unavailable or lags too far behind. The next page ' +
      'comes from data that includes that of the page before.',
  },
  writeByGet: {
    ...write,
    method: 'get',
    safe: false,
    responses: { 200: saved, ...writeErrors, 403: commonResponses.NotIntended },
  },
  write: { ...write, method: 'post', responses: { 201: saved, ...writeErrors } },
  count: {
    method: 'get',
    path: '/stats',
    summary: 'Counts the stored times by minute, hour or day',
    description: 'The range is extended to complete periods; it must not exceed 1,500 of them.',
    query: countsQuery,
    consistent: true,
    responses: {
      200: { description: 'The counts', headers: requestIdHeader, content: { 'application/json': counts } },
      ...errors,
    },
  },
} satisfies Endpoints
