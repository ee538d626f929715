import { pipeline } from 'node:stream/promises'
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
 * Ends the response with a whole body. Express' own `res.send` would add a charset and a computed ETag, which the
 * contract does not have.
 */
export function send(res: Response, status: number, contentType: string, body: string | Buffer): void {
  const length = Buffer.byteLength(body)
  res.statusCode = status
  res.setHeader('Content-Type', contentType)
  res.setHeader('Content-Length', length)
  if (!res.hasHeader('Cache-Control')) res.setHeader('Cache-Control', 'no-store')
  if (res.req.method === 'HEAD') {
    res.end()
    return
  }
  res.locals.bytes = length
  res.end(body)
}

/** Streams a body of unknown length; no more is asked of `chunks` than the client takes. */
export async function stream(res: Response, contentType: string, chunks: AsyncIterable<Buffer>): Promise<void> {
  res.setHeader('Content-Type', contentType)
  if (res.req.method === 'HEAD') {
    res.end()
    return
  }
  await pipeline(async function* counted() {
    for await (const chunk of chunks) {
      res.locals.bytes = (res.locals.bytes ?? 0) + chunk.length
      yield chunk
    }
  }, res)
}
