import { ResponseError, type Status, send } from './api.ts'
import { element, setText } from './elements.ts'
import type { Resource } from './resource.ts'
import { type Report, setUpServices } from './services.ts'
import { setUpTimes } from './times/index.ts'

/** An outage, and its end, shows within this interval and the timeout of a request. */
const intervalMs = 2000

const showServices = setUpServices()
const notice = element('notice')
let polling = false
let timer: number | undefined

/** The resources of the page. */
const resources: readonly Resource[] = [
  // One line each.
  setUpTimes(poll),
]

/** Requests the status, shows it and passes it to the resources; then schedules the next request. */
async function poll(): Promise<void> {
  if (polling) return
  polling = true
  clearTimeout(timer)
  const startedAt = performance.now()
  const report = await requestStatus()
  showServices(report)
  showNotice(noticeFor(report))
  if (report.status !== undefined) for (const resource of resources) resource.update(report.status)
  polling = false
  const delayMs = Math.max(200, intervalMs - (performance.now() - startedAt))
  // A hidden page sends no requests; the listener below starts again.
  if (!document.hidden) timer = setTimeout(poll, delayMs)
}

async function requestStatus(): Promise<Report> {
  try {
    const response = await send('/status')
    return { reached: 'app', web: webInstance(response), status: (await response.json()) as Status }
  } catch (error) {
    if (!(error instanceof ResponseError)) return { reached: undefined }
    // The ALB's own errors name no web instance.
    const web = webInstance(error.response)
    return web === undefined ? { reached: 'alb' } : { reached: 'web', web }
  }
}

const webInstance = (response: Response) => response.headers.get('X-Web-Instance') ?? undefined

function noticeFor({ reached, status }: Report): string {
  const retries = 'This page retries automatically.'
  if (reached === undefined) return `The service is unreachable. ${retries}`
  if (reached === 'alb') return `The web tier is unavailable. ${retries}`
  if (status === undefined) return `The app tier is unavailable or overloaded. ${retries}`
  if (status.writer === 'failed' && status.reader === 'failed')
    return `The database is unavailable: reads and writes fail. ${retries}`
  if (status.writer === 'failed') return `The database writer is unavailable: writes fail, reads continue. ${retries}`
  // One machine is all that this topology has.
  if (!status.hasReader) return ''
  const durability = durabilityNotice(status)
  if (status.reader === 'failed') return `The database reader is unavailable: the writer serves reads. ${durability}`
  if (status.readsFrom === 'writer') return `The replica lag is too high: the writer serves reads. ${durability}`
  return durability
}

/** Empty while a write is on two machines when it is acknowledged. */
function durabilityNotice(status: Status): string {
  if (status.durability?.copies !== 'one') return ''
  const { since, transactionsOnOne } = status.durability
  return (
    `New writes are on one machine only, at least since ${new Date(since).toLocaleTimeString()}: ` +
    `${transactionsOnOne} transactions since the writer's start.`
  )
}

function showNotice(text: string): void {
  setText(notice, text)
  notice.hidden = text === ''
}

document.addEventListener('visibilitychange', () => !document.hidden && poll())
poll()
