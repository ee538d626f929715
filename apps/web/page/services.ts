import type { Status } from './api.ts'
import { databaseStates, type State } from './database-states.ts'
import { descendant, element, setText } from './elements.ts'

type Service = 'alb' | 'web' | 'nlb' | 'app' | 'db-writer' | 'db-reader'

/** The result of one status request. */
export interface Report {
  /** The last service on the request's path that responded; undefined when none did. */
  readonly reached: 'alb' | 'web' | 'app' | undefined
  /** The web instance that responded. */
  readonly web?: string | undefined
  readonly status?: Status
}

const instanceMaxAgeMs = 60_000

/** Shows the state of each service. The returned function takes each new report. */
export function setUpServices(): (report: Report) => void {
  const lastSeen = { web: new Map<string, number>(), app: new Map<string, number>() }

  function show(service: Service, state: State, detail: string): void {
    const item = element(service)
    item.dataset.state = state
    setText(descendant(item, '.state'), state)
    setText(descendant(item, '.detail'), detail)
  }

  function showUnknown(...services: Service[]): void {
    for (const service of services) show(service, 'unknown', 'cannot be checked')
  }

  /** Names the instance that responded, and counts the others that responded recently. */
  function instances(tier: keyof typeof lastSeen, name: string): string {
    const now = performance.now()
    lastSeen[tier].set(name, now)
    for (const [known, at] of lastSeen[tier]) if (now - at > instanceMaxAgeMs) lastSeen[tier].delete(known)
    const others = lastSeen[tier].size - 1
    const short = name.slice(0, 8)
    return others > 0 ? `${short} and ${others} more` : short
  }

  return ({ reached, web, status }) => {
    if (reached === undefined) {
      show('alb', 'down', 'no response')
      showUnknown('web', 'nlb', 'app', 'db-writer', 'db-reader')
      return
    }
    show('alb', 'up', 'forwards requests')
    if (reached === 'alb') {
      show('web', 'down', 'no instance responds')
      showUnknown('nlb', 'app', 'db-writer', 'db-reader')
      return
    }
    show('web', 'up', instances('web', web ?? 'responds'))
    if (status === undefined) {
      show('nlb', 'unknown', 'no response through it')
      show('app', 'down', 'no instance responds')
      showUnknown('db-writer', 'db-reader')
      return
    }
    show('nlb', 'up', 'forwards requests')
    show('app', 'up', instances('app', status.instance))
    const { writer, reader } = databaseStates(status)
    show('db-writer', ...writer)
    show('db-reader', ...reader)
  }
}
