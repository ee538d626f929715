import type { Database, Frame, Page, PageQuery, Position } from '@repo/db'
import { type Request, type RequestHandler, type Response, Router } from 'express'
import { HttpError, methodNotAllowed } from '../errors.ts'
import { queryOf } from '../query.ts'
import { send, stream } from '../send.ts'

/**
 * A whole list is put together from pages: the first is small, to be quick; the following are large, because each
 * costs the database a start. What pages may be in memory is shared by the lists under way.
 */
const firstPageRows = 10_000
const largestPageRows = 100_000

const maxLimit = 10_000

/** How a list of times is written down. The first byte, a separator, gives way to `open`. */
interface Format extends Frame {
  readonly contentType: string
  readonly open: string
  readonly close: string
  readonly empty: string
}

/** As Python's `json.dumps(list, indent=2)` prints it. */
const json: Format = {
  contentType: 'application/json',
  open: '[',
  before: ',\n  "',
  behind: '"',
  close: '\n]',
  empty: '[]',
}

/** One JSON string a line. */
const ndjson: Format = {
  contentType: 'application/x-ndjson',
  open: '',
  before: '\n"',
  behind: '"',
  close: '\n',
  empty: '',
}

/** `/` and `/read` list the stored times, `/write` stores the time at which it was asked. */
export function timesRoutes(database: Database): Router {
  const router = Router({ strict: true, caseSensitive: true })
  const written = listWriter(database)

  const list: RequestHandler = async (req, res) => {
    const query = pageQuery(req)
    const { limit, order } = query
    const format = req.accepts(['application/json', 'application/x-ndjson']) === 'application/x-ndjson' ? ndjson : json
    // The first page is here before the status is sent, so that a database that is away can still be told.
    const page = await database.page({ limit: firstPageRows, ...query, frame: format })
    res.setHeader('Cache-Control', 'no-cache')
    res.setHeader('Vary', 'Accept')
    if (limit !== undefined && page.next) {
      const onward = `limit=${limit}${order ? `&order=${order}` : ''}&after=${toCursor(page.next)}`
      res.setHeader('Link', `<${req.path}?${onward}>; rel="next"`)
    }
    if (limit !== undefined || page.next === undefined) send(res, 200, format.contentType, whole(page, format))
    else await stream(res, format.contentType, written(page, format))
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

/** Requests at the same time may share a page, and so the body it makes. */
const wholes = new WeakMap<Page, Buffer>()

function whole(page: Page, format: Format): Buffer {
  const body =
    wholes.get(page) ?? Buffer.concat([opening(page, format), Buffer.from(page.text.length > 0 ? format.close : '')])
  wholes.set(page, body)
  return body
}

function opening({ text }: Page, { open, empty }: Format): Buffer {
  return text.length === 0 ? Buffer.from(empty) : Buffer.concat([Buffer.from(open), text.subarray(1)])
}

/** Writes lists that are longer than one page; see {@link largestPageRows}. */
function listWriter(database: Database): (first: Page, format: Format) => AsyncGenerator<Buffer> {
  let underWay = 0

  return async function* written(first, format) {
    underWay += 1
    try {
      for (let page = first, text = opening(first, format); ; text = page.text) {
        // The database works on the next page while the client takes this one.
        const rows = Math.max(firstPageRows, Math.ceil(largestPageRows / underWay))
        const next = page.next && database.page({ limit: rows, after: page.next, frame: format })
        // Told when it is awaited; a client that has gone away never does.
        next?.catch(() => {})
        yield text
        if (next === undefined) break
        page = await next
      }
      yield Buffer.from(format.close)
    } finally {
      underWay -= 1
    }
  }
}

function pageQuery(req: Request): Partial<Pick<PageQuery, 'limit' | 'after' | 'order'>> {
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
