import { ask, Refused, type Status } from './api.ts'
import { type Report, setUpBoxes } from './boxes.ts'
import { setUpChart } from './chart.ts'
import { element, say } from './elements.ts'
import { setUpSave } from './save.ts'
import { setUpTimes } from './times.ts'

/** From one question to the next: an outage is told, and its end, within this and the answer's deadline. */
const intervalMs = 2000
/** The chart moves on with time, also while nothing is stored. */
const chartIntervalMs = 10_000

const showBoxes = setUpBoxes()
const times = setUpTimes()
const chart = setUpChart()
const notice = element('notice')

/** What the list and the chart are of; undefined as long as they may be of anything. */
let shownNewest: number | undefined
let chartedAt = Number.NEGATIVE_INFINITY
let watching = false
let updating = false
let timer: number | undefined

/** Asks how things are, and gets the list and the chart anew where there is something new. Then again and again. */
async function watch(): Promise<void> {
  if (watching) return
  watching = true
  clearTimeout(timer)
  const startedAt = performance.now()
  const report = await findOut()
  showBoxes(report)
  tell(noticeOf(report))
  const newest = report.status?.newest ?? undefined
  // Not waited for: what takes long must not keep the page from noticing an outage.
  if (newest !== undefined && !updating) void update(newest)
  watching = false
  const rest = Math.max(200, intervalMs - (performance.now() - startedAt))
  // A page that nobody sees asks nothing; see below for when it is seen again.
  if (!document.hidden) timer = setTimeout(watch, rest)
}

async function findOut(): Promise<Report> {
  try {
    const response = await ask('/status')
    return { reached: 'app', web: webOf(response), status: (await response.json()) as Status }
  } catch (error) {
    if (!(error instanceof Refused)) return { reached: undefined }
    // The ALB's own errors do not bear the name of a web instance.
    const web = webOf(error.response)
    return web === undefined ? { reached: 'alb' } : { reached: 'web', web }
  }
}

const webOf = (response: Response) => response.headers.get('X-Web-Instance') ?? undefined

async function update(newest: number): Promise<void> {
  updating = true
  const isNew = newest !== shownNewest
  const due = performance.now() - chartedAt > chartIntervalMs
  const works = [isNew ? times.refresh() : undefined, isNew || due ? chart.refresh() : undefined]
  const [list, counts] = await Promise.allSettled(works)
  shownNewest = list?.status === 'fulfilled' ? newest : undefined
  if (counts?.status === 'fulfilled' && (isNew || due)) chartedAt = performance.now()
  updating = false
}

function noticeOf({ reached, status }: Report): string {
  const again = 'This page keeps trying, and goes on by itself.'
  if (reached === undefined) return `The service cannot be reached. ${again}`
  if (reached === 'alb') return `The web tier is away. ${again}`
  if (status === undefined) return `The app tier is away or too busy. ${again}`
  if (status.newest === null) return `The database is away: nothing can be saved or read just now. ${again}`
  if (status.writer === 'failed')
    return `The database's writer is away: nothing can be saved, reading goes on. ${again}`
  if (status.reader === 'failed') return "The database's reader is away: reading goes on through the writer."
  if (status.readsFrom === 'writer') return "The database's reader is behind: reading goes on through the writer."
  return ''
}

function tell(text: string): void {
  say(notice, text)
  notice.hidden = text === ''
  document.body.dataset.stale = String(text.includes('keeps trying'))
}

setUpSave(watch)
document.addEventListener('visibilitychange', () => !document.hidden && watch())
watch()
