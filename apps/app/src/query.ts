import type { Request } from 'express'
import { HttpError } from './errors.ts'

/** The query's parameters. @throws {HttpError} 400 for one that is there twice, or is none of `allowed`. */
export function queryOf<Name extends string>(req: Request, allowed: readonly Name[]): { [name in Name]?: string } {
  const at = req.originalUrl.indexOf('?')
  if (at < 0) return {}
  const values: { [name in Name]?: string } = {}
  for (const [name, value] of new URLSearchParams(req.originalUrl.slice(at))) {
    const known = allowed.find((candidate) => candidate === name)
    if (known === undefined) throw new HttpError(400, `No such query parameter here: ${JSON.stringify(name)}.`)
    if (values[known] !== undefined) throw new HttpError(400, `'${known}' is there twice.`)
    values[known] = value
  }
  return values
}
