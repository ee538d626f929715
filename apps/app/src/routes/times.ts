import { type Database, type Order, type Page, type Position, timeBytes } from '@three-tier/db'
import { type Request, type RequestHandler, type Response, Router } from 'express'
import { HttpError, methodNotAllowed } from '../errors.ts'
import { queryOf } from '../query.ts'
import { send, stream } from '../send.ts'

/** A whole list is put together from pages of this many rows: enough to be quick, few enough to hold. */
const streamedPageRows = 10_000

const maxLimit = 10_000

/** How a list of times is written down. */
interface Format {
  readonly contentType: string
  readonly open: string
  readonly separator: string
  readonly close: string
  readonly empty: string
}

/** As Python's `json.dumps(list, indent=2)` prints it. */
const json: Format = {
  contentType: 'application/json',
  open: '[\n  ',
  separator: ',\n  ',
  close: '\n]',
  empty: '[]',
}

/** One JSON string a line. */
const ndjson: Format = {
  contentType: 'application/x-ndjson',
  open: '',
  separator: '\n',
  close: '\n',
  empty: '',
}

/** `/` and `/read` list the stored times, `/write` stores the time at which it was asked. */
export function timesRoutes(database: Database): Router {
  const router = Router({ strict: true, caseSensitive: true })

  const list: RequestHandler = async (req, res) => {
    const { limit, after, order } = pageQuery(req)
    const format = req.accepts(['application/json', 'application/x-ndjson']) === 'application/x-ndjson' ? ndjson : json
    // The first page is here before the status is sent, so that a database that is away can still be told.
    const page = await database.page(limit ?? streamedPageRows, after, order)
    res.setHeader('Cache-Control', 'no-cache')
    res.setHeader('Vary', 'Accept')
    if (limit !== undefined && page.next) {
      const query = `limit=${limit}${order ? `&order=${order}` : ''}&after=${toCursor(page.next)}`
      res.setHeader('Link', `<${req.path}?${query}>; rel="next"`)
    }
    if (limit !== undefined || page.next === undefined) send(res, 200, format.contentType, whole(page, format))
    else await stream(res, format.contentType, written(database, page, format))
  }

  const save = (status: 200 | 201) => async (req: Request, res: Response) => {
    const arrived = new Date()
    queryOf(req, [])
    await database.save(arrived)
    send(res, status, 'text/plain', `Saved: ${arrived.toISOString().slice(0, 19).replace('T', ' ')}`)
  }

  router.route('/').get(list).all(methodNotAllowed('GET', 'HEAD'))
  router.route('/read').get(list).all(methodNotAllowed('GET', 'HEAD'))
  router
    .route('/write')
    // Express answers HEAD with the GET handler, and a HEAD must store nothing.
    .head(methodNotAllowed('GET', 'POST'))
    .get(save(200))
    .post(save(201))
    .all(methodNotAllowed('GET', 'POST'))

  return router
}

/** Requests at the same time may share a page, and so what it is written as. */
const wholes = new WeakMap<Page, Map<Format, Buffer>>()

function whole(page: Page, format: Format): Buffer {
  const known = wholes.get(page) ?? new Map<Format, Buffer>()
  wholes.set(page, known)
  const body = known.get(format) ?? listed(page, format)
  known.set(format, body)
  return body
}

function listed(page: Page, format: Format): Buffer {
  if (page.times.length === 0) return Buffer.from(format.empty)
  return Buffer.concat([Buffer.from(format.open), items(page, format), Buffer.from(format.close)])
}

async function* written(database: Database, first: Page, format: Format): AsyncGenerator<Buffer> {
  const open = Buffer.from(format.open)
  const separator = Buffer.from(format.separator)
  let page = first
  for (let before = open; ; before = separator) {
    // The database works on the next page while the client takes this one.
    const next = page.next && database.page(streamedPageRows, page.next)
    // Told when it is awaited; a client that has gone away never does.
    next?.catch(() => {})
    // Between the pages the rows behind the last one may be gone.
    if (page.times.length > 0) yield Buffer.concat([before, items(page, format)])
    if (next === undefined) break
    page = await next
  }
  yield Buffer.from(format.close)
}

/** The page's times between quotation marks, separated. */
function items({ times }: Page, { separator }: Format): Buffer {
  const item = Buffer.from(`"${' '.repeat(timeBytes)}"${separator}`)
  const text = Buffer.alloc((times.length / timeBytes) * item.length, item)
  for (let from = 0, to = 1; from < times.length; from += timeBytes, to += item.length) {
    // For so few bytes quicker than Buffer's own copy.
    for (let at = 0; at < timeBytes; at += 1) text[to + at] = times[from + at] as number
  }
  return text.subarray(0, -separator.length)
}

interface PageQuery {
  readonly limit?: number
  readonly after?: Position | undefined
  readonly order?: Order | undefined
}

function pageQuery(req: Request): PageQuery {
  const { limit, after, order } = queryOf(req, ['limit', 'after', 'order'])
  if (limit === undefined) {
    if (after !== undefined) throw new HttpError(400, "'after' goes with 'limit'.")
    if (order !== undefined) throw new HttpError(400, "'order' goes with 'limit'.")
    return {}
  }
  const rows = /^\d{1,5}$/.test(limit) ? Number(limit) : 0
  if (rows < 1 || rows > maxLimit) throw new HttpError(400, `'limit' must be a whole number from 1 to ${maxLimit}.`)
  if (order !== undefined && order !== 'oldest' && order !== 'newest') {
    throw new HttpError(400, "'order' must be 'oldest' or 'newest'.")
  }
  return { limit: rows, after: after === undefined ? undefined : fromCursor(after), order }
}

const toCursor = (position: Position) => Buffer.from(`${position.dt} ${position.id}`).toString('base64url')

function fromCursor(cursor: string): Position {
  const [, dt, id] =
    /^(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{3}) (\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (dt === undefined || Number.isNaN(Date.parse(`${dt}Z`))) {
    throw new HttpError(400, "'after' must be a cursor from a 'Link' header.")
  }
  return { dt, id: Number(id) }
}
