import type { z } from 'zod'
import type { Exchange, Handlers } from '../../http/endpoint.ts'
import { HttpError } from '../../http/problem.ts'
import { send, stream } from '../../http/send.ts'
import { refuse } from '../../middleware/admission.ts'
import { encodeAnswer, sendAnswer, sendOutcome } from '../../middleware/idempotency.ts'
import { type CountRange, periodMs } from './counts.ts'
import { completeBody, json, type ListFormat, ndjson, openBody } from './list-format.ts'
import type { Page } from './page-reader.ts'
import type { TimesRepository } from './repository.ts'
import { type counts, type countsQuery, encodeCursor, type endpoints, type listQuery, periodLimit } from './schema.ts'

/**
 * A complete list is read in pages: the first is small, for a quick start; the following are large, because each has
 * a cost of its own at the database. Concurrent lists share the bound on the rows in memory.
 */
const firstPageRows = 10_000
const largestPageRows = 100_000

/** The number of periods up to now that are counted by default. */
const defaultPeriods = { minute: 60, hour: 24, day: 30 } as const

/**
 * `/` and `/read` list the stored times, `/write` stores the time of the request, `/stats` counts.
 *
 * @param listLimit the most complete lists of more than a page at a time: a client may take as long as it likes for one,
 * and must leave places for short reads.
 */
export function timesHandlers(
  repository: Pick<TimesRepository, 'save' | 'saveOnce' | 'page' | 'counts'>,
  listLimit: number,
): Handlers<typeof endpoints> {
  /** Complete lists of more than a page that are being sent. */
  let lists = 0
  const streamPages = pageStreamer(repository, () => lists)

  async function list({ query, after: includes, req, res }: Exchange<z.output<typeof listQuery>>): Promise<void> {
    const { limit, order, after } = query
    if (limit === undefined && lists >= listLimit) refuse(res)
    const format = req.accepts(['application/json', 'application/x-ndjson']) === 'application/x-ndjson' ? ndjson : json
    // Before the status is sent, so that an unavailable database is a 503.
    const page = await repository.page({ limit: limit ?? firstPageRows, order, after, template: format, includes })
    const onePage = limit !== undefined || page.next === undefined
    // Others may have begun meanwhile.
    if (!onePage && lists >= listLimit) refuse(res)
    res.setHeader('Cache-Control', 'no-cache')
    res.setHeader('Vary', 'Accept')
    if (limit !== undefined && page.next) {
      const next = `limit=${limit}${order ? `&order=${order}` : ''}&after=${encodeCursor(page.next)}`
      res.setHeader('Link', `<${req.path}?${next}>; rel="next"`)
    }
    if (onePage) return send(res, 200, format.contentType, completeBody(page, format))
    lists += 1
    try {
      await stream(res, format.contentType, streamPages(page, format))
    } finally {
      lists -= 1
    }
  }

  const save =
    (status: 200 | 201) =>
    async ({ key, res }: Exchange<unknown>): Promise<void> => {
      const time = new Date()
      const body = `Saved: ${time.toISOString().slice(0, 19).replace('T', ' ')}`
      const answer = { status, contentType: 'text/plain', body }
      if (key !== undefined) {
        return sendOutcome(res, await repository.saveOnce({ time, key, result: encodeAnswer(answer) }))
      }
      sendAnswer(res, answer, await repository.save(time))
    }

  return {
    list,
    read: list,
    writeByGet: save(200),
    write: save(201),
    async count({ query, after, res }) {
      const range = toRange(query, Date.now())
      const found = await repository.counts(range, after)
      const body: z.infer<typeof counts> = {
        per: range.per,
        from: toInstant(range.from),
        to: toInstant(range.to),
        total: found.reduce((sum, count) => sum + count, 0),
        counts: [...found],
      }
      send(res, 200, 'application/json', JSON.stringify(body))
    },
  }
}

/** Streams lists that are longer than one page; see {@link largestPageRows}. */
function pageStreamer(repository: Pick<TimesRepository, 'page'>, lists: () => number) {
  return async function* streamPages(first: Page, format: ListFormat): AsyncGenerator<Buffer> {
    for (let page = first, text = openBody(first, format); ; text = page.text) {
      // The database reads the next page while the client receives this one.
      const limit = Math.max(firstPageRows, Math.ceil(largestPageRows / lists()))
      const next = page.next && repository.page({ limit, after: page.next, template: format })
      // Reported when it is awaited, which does not happen after a client has disconnected.
      next?.catch(() => {})
      yield text
      if (next === undefined) break
      page = await next
    }
    yield Buffer.from(format.close)
  }
}

/** The complete periods that a query asks for. `now` is in milliseconds since 1970. */
export function toRange({ per, from, to }: z.output<typeof countsQuery>, now: number): CountRange {
  const period = periodMs[per]
  const end = Math.ceil((to ?? now + 1) / period) * period
  const begin = from === undefined ? end - defaultPeriods[per] * period : Math.floor(from / period) * period
  if (begin >= end) throw new HttpError(400, "'from' must be before 'to'.")
  if (end - begin > periodLimit * period) {
    throw new HttpError(400, `The range must not exceed ${periodLimit.toLocaleString('en')} periods.`)
  }
  return { per, from: begin, to: end }
}

const toInstant = (time: number) => new Date(time).toISOString().replace('.000', '')
