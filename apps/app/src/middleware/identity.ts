import type { Request, RequestHandler } from 'express'

/** Who sends a request. */
export interface Identity {
  /** Identifies the sender, also in the log: an id, not a name or an address. */
  readonly subject: string
}

/**
 * Identifies the sender of a request; undefined if it is not known.
 *
 * @throws {HttpError} 401 or 403 to refuse the request.
 */
export type Identify = (req: Request) => Identity | undefined | Promise<Identity | undefined>

/** Undefined: every request is anonymous. Replace it by your own. */
export const identify: Identify | undefined = undefined

declare global {
  namespace Express {
    interface Request {
      /** @default it is not known */
      identity?: Identity | undefined
    }
  }
}

/** Identifies the sender of each request before its route handles it. */
export const identification =
  (by: Identify): RequestHandler =>
  async (req, _res, next) => {
    req.identity = await by(req)
    next()
  }
