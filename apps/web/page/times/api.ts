import { send } from '../api.ts'
import type { Schemas } from '../api-types.ts'

/** A page of stored times, newest first. */
export interface TimesPage {
  readonly times: readonly Schemas['Time'][]
  /** The path of the next page; undefined on the last page. */
  readonly next: string | undefined
}

/** Reads the newest times, or the page at another page's `next`. */
export async function readTimes(path = '/read?limit=100&order=newest'): Promise<TimesPage> {
  const response = await send(path)
  const next = /<(.*)>; rel="next"/.exec(response.headers.get('Link') ?? '')?.[1]
  return { times: await response.json(), next }
}

/** The number of visits in each period of a range. */
export type Stats = Schemas['Counts']

/** The length of a period. */
export type Period = Schemas['Period']

/** Reads counts. `from` and `to` are milliseconds since 1970. */
export async function readStats(per: Period, from: number, to: number): Promise<Stats> {
  const [begin, end] = [from, to].map((time) => new Date(time).toISOString().replace(/\.\d+/, ''))
  return (await send(`/stats?per=${per}&from=${begin}&to=${end}`)).json()
}
