import type { Schemas } from './api-types.ts'

/** An answer that is not a success. Its message is for the person at the page. */
export class Refused extends Error {
  readonly response: Response

  constructor(response: Response, message: string) {
    super(message)
    this.response = response
  }
}

/** Longer than the application takes to say that its database is away. */
const deadlineMs = 2900

/**
 * Asks the service.
 *
 * @throws {Refused} when it answers with an error.
 * @throws whatever `fetch` does when nothing answers in time.
 */
export async function ask(path: string, method = 'GET'): Promise<Response> {
  const response = await fetch(path, { method, cache: 'no-store', signal: AbortSignal.timeout(deadlineMs) })
  if (response.ok) return response
  const { title, detail, requestId }: Partial<Schemas['Problem']> = await response.json().catch(() => ({}))
  const reason = detail ?? title ?? `Answered with ${response.status}.`
  throw new Refused(response, requestId ? `${reason} (request ${requestId})` : reason)
}

/** A page of stored times, the newest first. */
export interface TimesPage {
  /** `YYYY-MM-DD HH:MM:SS`, UTC. */
  readonly times: readonly Schemas['Time'][]
  /** Where the next page is; undefined when there is none. */
  readonly next: string | undefined
}

/** The newest times, or those of the page to which another one's `next` led. */
export async function readTimes(path = '/read?limit=100&order=newest'): Promise<TimesPage> {
  const response = await ask(path)
  const next = /<(.*)>; rel="next"/.exec(response.headers.get('Link') ?? '')?.[1]
  return { times: await response.json(), next }
}

/** How many visits each period of a range had. */
export type Stats = Schemas['Counts']

/** What visits are counted by. */
export type Period = Schemas['Period']

/** Counts; times are in milliseconds since 1970. */
export async function readStats(per: Period, from: number, to: number): Promise<Stats> {
  const [begin, end] = [from, to].map((time) => new Date(time).toISOString().replace(/\.\d+/, ''))
  return (await ask(`/stats?per=${per}&from=${begin}&to=${end}`)).json()
}

/** What the app tier sees. */
export type Status = Schemas['Status']
