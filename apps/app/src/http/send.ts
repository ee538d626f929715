import { pipeline } from 'node:stream/promises'
import { constants, createGzip, gzipSync } from 'node:zlib'
import type { Response } from 'express'

declare global {
  namespace Express {
    interface Locals {
      /** Bytes of the body handed to the connection so far, for the log. */
      bytes?: number
    }
  }
}

/**
 * Whether the body has to be compressed, because the client refuses it as it is; sets the headers for that. For every other
 * client Apache decides, which leaves the shortest bodies as they are.
 */
function negotiateGzip(res: Response): boolean {
  const { req } = res
  if (req.headers['accept-encoding'] === undefined || req.acceptsEncodings('identity')) return false
  if (!req.acceptsEncodings('gzip')) return false
  res.setHeader('Content-Encoding', 'gzip')
  res.setHeader('Vary', 'Accept-Encoding')
  return true
}

/**
 * Ends the response with a complete body. Express' own `res.send` would add a charset and a computed ETag, which the
 * contract does not have.
 */
export function send(res: Response, status: number, contentType: string, body: string | Buffer): void {
  const sent = status !== 204 && negotiateGzip(res) ? gzipSync(body) : body
  const length = Buffer.byteLength(sent)
  res.statusCode = status
  // A 204 must not have them: https://www.rfc-editor.org/rfc/rfc9110#section-8.6
  if (status !== 204) {
    res.setHeader('Content-Type', contentType)
    res.setHeader('Content-Length', length)
  }
  if (!res.hasHeader('Cache-Control')) res.setHeader('Cache-Control', 'no-store')
  if (res.req.method === 'HEAD') {
    res.end()
    return
  }
  res.locals.bytes = length
  res.end(sent)
}

/**
 * Streams a body of unknown length. `chunks` is read only as fast as the client reads. Resolves too when the client
 * closes the connection.
 *
 * @throws the error of `chunks`; the connection is closed then.
 */
export async function stream(res: Response, contentType: string, chunks: AsyncIterable<Buffer>): Promise<void> {
  res.setHeader('Content-Type', contentType)
  const gzip = negotiateGzip(res)
  if (res.req.method === 'HEAD') {
    res.end()
    return
  }
  if (!res.closed) res.locals.onStream?.()
  try {
    if (gzip) await pipeline(counted(res, chunks), createGzip({ flush: constants.Z_SYNC_FLUSH }), res)
    else await pipeline(counted(res, chunks), res)
  } catch (error) {
    if (Object(error).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
  }
}

async function* counted(res: Response, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of chunks) {
      res.locals.bytes = (res.locals.bytes ?? 0) + chunk.length
      yield chunk
    }
  } catch (error) {
    // Before the pipeline closes the connection, and the request's log line is written.
    res.locals.error = error
    throw error
  }
}
