import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import express, { type Request, type RequestHandler } from 'express'
import { HttpError } from './problem.ts'

/** The most bytes of a body; apps/web/httpd.conf has the same. */
const limit = 131_072

/** Whether a request has a body; a chunked one may turn out to be empty. */
export const hasBody = ({ headers }: Request): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0

/** Receives a JSON body and parses it. */
export function receiveJson(type: string[]): RequestHandler {
  return parseReceived(express.json({ limit, type }))
}

/**
 * Receives the body of a write that has no use for it, so that none that is malformed, too long or cut off stores
 * something. With a key, it is a part of the fingerprint.
 */
export const receiveRaw: RequestHandler = parseReceived(express.raw({ limit, type: () => true }))

/** Discards the body of a read as it comes: nobody reads what would be kept. */
export const discardBody: RequestHandler = (req, _res, next) => {
  if (hasBody(req)) req.resume()
  next()
}

function parseReceived(parser: RequestHandler): RequestHandler {
  return async (req, res, next) => {
    if (!hasBody(req)) return next()
    const received = await receive(req)
    // As one that is announced with no bytes.
    if (!hasBody(received)) return next()
    await parser(received, res, (error?: unknown) => {
      req.body = received.body
      next(error)
    })
  }
}

/**
 * Waits for the complete body. The chunks that the parsers keep are copied into one buffer: in chunks of a byte, 128 KB
 * would take 50 MB of memory.
 *
 * @returns the request as a parser takes it, with the length of the body.
 * @throws {HttpError} 400 if it does not come to its end, 408 if that is too late, 413 if it is too long.
 */
async function receive(req: Request): Promise<Request> {
  let buffer = Buffer.alloc(4096)
  let length = 0
  req.on('data', (chunk: Buffer) => {
    const at = length
    length += chunk.length
    if (length > limit) return
    if (length > buffer.length) buffer = Buffer.concat([buffer], Math.min(limit, 2 * length))
    chunk.copy(buffer, at)
  })
  await finished(req).catch(() => {
    throw new HttpError(400, 'The body is incomplete.')
  })
  // The server has answered already that it waits no longer, but goes on to receive.
  if (!req.socket.writable) throw new HttpError(408, 'The body came too late.')
  // A parser would take what was kept of a compressed one for all of it.
  if (length > limit) throw new HttpError(413, `The body must have at most ${limit.toLocaleString('en')} bytes.`)
  const { 'transfer-encoding': _, ...headers } = req.headers
  const body = Readable.from([buffer.subarray(0, length)])
  return Object.assign(body, { headers: { ...headers, 'content-length': String(length) } }) as unknown as Request
}
