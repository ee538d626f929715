import { type CountRange, type Database, type Period, periodMs } from '@repo/db'
import { type Request, Router } from 'express'
import { HttpError, methodNotAllowed } from '../errors.ts'
import { queryOf } from '../query.ts'
import { send } from '../send.ts'

const maxPeriods = 1500

/** How many periods up to now are counted when nothing else is asked for. */
const usualPeriods: Readonly<Record<Period, number>> = { minute: 60, hour: 24, day: 30 }

/** `/stats` counts the stored times by the minute, hour or day. */
export function statsRoutes(database: Database): Router {
  const router = Router({ strict: true, caseSensitive: true })
  router
    .route('/stats')
    .get(async (req, res) => {
      const range = rangeQuery(req)
      const counts = await database.counts(range)
      const total = counts.reduce((sum, count) => sum + count, 0)
      const [from, to] = [range.from, range.to].map(toInstant)
      send(res, 200, 'application/json', JSON.stringify({ per: range.per, from, to, total, counts }))
    })
    .all(methodNotAllowed('GET', 'HEAD'))
  return router
}

function rangeQuery(req: Request): CountRange {
  const { per, from, to } = queryOf(req, ['per', 'from', 'to'])
  if (per !== 'minute' && per !== 'hour' && per !== 'day') {
    throw new HttpError(400, "'per' must be 'minute', 'hour' or 'day'.")
  }
  // Whole periods: the one in which it begins, and the one in which it ends.
  const period = periodMs[per]
  const end = Math.ceil((to === undefined ? Date.now() + 1 : fromInstant('to', to)) / period) * period
  const begin =
    from === undefined ? end - usualPeriods[per] * period : Math.floor(fromInstant('from', from) / period) * period
  if (begin >= end) throw new HttpError(400, "'from' must be before 'to'.")
  if (end - begin > maxPeriods * period) {
    throw new HttpError(400, `From 'from' to 'to' there may be ${maxPeriods} of 'per' at most.`)
  }
  return { per, from: begin, to: end }
}

const toInstant = (time: number) => new Date(time).toISOString().replace('.000', '')

function fromInstant(name: string, value: string): number {
  const time = /^[12]\d{3}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(value) ? Date.parse(value) : Number.NaN
  // A 31st of February would be taken for a day in March.
  if (Number.isNaN(time) || toInstant(time) !== value) {
    throw new HttpError(400, `'${name}' must be a time of the form 2026-11-22T09:33:53Z.`)
  }
  return time
}
