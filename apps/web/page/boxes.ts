import type { Status } from './api.ts'
import { element, part, say } from './elements.ts'

type Box = 'alb' | 'web' | 'nlb' | 'app' | 'db-writer' | 'db-reader'
type State = 'up' | 'away' | 'unknown'

/** What one question came back with: how far it got on its way through the tiers. */
export interface Report {
  /** The farthest box that answered; undefined when nothing did. */
  readonly reached: 'alb' | 'web' | 'app' | undefined
  /** Which instance of the web tier it was. */
  readonly web?: string | undefined
  readonly status?: Status
}

const rememberedMs = 60_000

/** Shows how the boxes are. The returned function takes each new report. */
export function setUpBoxes(): (report: Report) => void {
  const seen = { web: new Map<string, number>(), app: new Map<string, number>() }

  function show(box: Box, state: State, detail: string): void {
    const item = element(box)
    item.dataset.state = state
    say(part(item, '.state'), state)
    say(part(item, '.detail'), detail)
  }

  /** The instance that answered, and how many did lately. */
  function instances(tier: keyof typeof seen, name: string): string {
    const now = performance.now()
    seen[tier].set(name, now)
    for (const [known, at] of seen[tier]) if (now - at > rememberedMs) seen[tier].delete(known)
    const others = seen[tier].size - 1
    const short = name.slice(0, 8)
    return others > 0 ? `${short} and ${others} more` : short
  }

  return ({ reached, web, status }) => {
    const unknown = (...boxes: Box[]) => {
      for (const box of boxes) show(box, 'unknown', 'cannot be asked')
    }
    if (reached === undefined) {
      show('alb', 'away', 'no answer')
      unknown('web', 'nlb', 'app', 'db-writer', 'db-reader')
      return
    }
    show('alb', 'up', 'lets through')
    if (reached === 'alb') {
      show('web', 'away', 'none answers')
      unknown('nlb', 'app', 'db-writer', 'db-reader')
      return
    }
    show('web', 'up', instances('web', web ?? 'answers'))
    if (status === undefined) {
      show('nlb', 'unknown', 'nothing comes through')
      show('app', 'away', 'none answers')
      unknown('db-writer', 'db-reader')
      return
    }
    show('nlb', 'up', 'lets through')
    show('app', 'up', instances('app', status.instance))
    if (status.writer === 'ok') show('db-writer', 'up', status.readsFrom === 'writer' ? 'saves, and reads' : 'saves')
    else show('db-writer', 'away', 'nothing can be saved')
    if (status.reader !== 'ok')
      show(
        'db-reader',
        'away',
        status.readsFrom === 'writer' && status.writer === 'ok' ? 'the writer reads' : 'nothing can be read',
      )
    else show('db-reader', 'up', status.readerLagMs === null ? 'lag unknown' : `${lag(status.readerLagMs)} behind`)
  }
}

function lag(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`
}
