import { setTimeout as delay } from 'node:timers/promises'
import { stripVTControlCharacters, styleText } from 'node:util'
import { boxes, type Container, command, containers, docker, runningContainers } from './compose.ts'
import { type Counters, parseCounters, sumOf } from './counters.ts'

/** Where each tier's own counters are read; within its container. */
const ports: Readonly<Record<string, number>> = { alb: 8405, web: 8081, nlb: 8405, app: 9464 }

/** A container's counters at a moment, in milliseconds. */
interface Sample {
  readonly at: number
  readonly counters: Counters
}

/** What a line shows besides the container's state. */
interface Reading {
  /** Per second. */
  readonly requests?: number | undefined
  readonly errors?: number | undefined
  readonly remarks: readonly string[]
}

await command(async () => {
  const running = await runningContainers()
  const before = await countersOf(running)
  await delay(2000)
  const [all, after, databases] = await Promise.all([containers(), countersOf(running), databaseRemarks(running)])

  const lines = all
    .filter(({ service }) => boxes.includes(service))
    .map((container) => {
      const remarks = databases.get(container.id)
      return [container, remarks ? { remarks } : reading(container, before, after)] as const
    })
  const address = (await docker(['compose', 'port', 'alb', '80']).catch(() => '')).trim().replace(/^.*:/, 'localhost:')
  console.log(`\n${styleText('bold', address ? `http://${address}` : 'not published')}\n`)
  console.log(styleText('dim', row('', '', 'requests/s', '5xx/s', '')))
  for (const [container, shown] of lines) {
    console.log(
      row(
        container.instance,
        state(container),
        rate(shown.requests),
        rate(shown.errors, shown.errors ? 'red' : undefined),
        shown.remarks.join(' · '),
      ),
    )
  }
  for (const box of boxes.filter((each) => !all.some(({ service }) => service === each))) {
    console.log(row(box, styleText('red', 'not there'), '', '', ''))
  }
  console.log()
})

/** Columns as wide as they look: colours take no room. */
function row(
  ...[name, condition, requests, errors, remarks]: readonly [string, string, string, string, string]
): string {
  const pad = (text: string, width: number) => ' '.repeat(Math.max(0, width - stripVTControlCharacters(text).length))
  return (
    `  ${name}${pad(name, 13)}${condition}${pad(condition, 34)}` +
    `${pad(requests, 10)}${requests}${pad(errors, 9)}${errors}  ${remarks}`
  ).trimEnd()
}

function state({ state, health, status }: Container): string {
  const colour = state !== 'running' || health === 'unhealthy' ? 'red' : health === 'healthy' ? 'green' : 'yellow'
  return styleText(colour, status.toLowerCase().replace(/ \((.*)\)$/, ', $1'))
}

function rate(value: number | undefined, colour?: 'red'): string {
  if (value === undefined) return ''
  const text = value.toFixed(value > 0 && value < 10 ? 1 : 0)
  return colour ? styleText(colour, text) : text
}

/** By container; one that does not answer in time has none. */
async function countersOf(running: readonly Container[]): Promise<Map<string, Sample>> {
  const found = await Promise.all(
    running.map(async ({ id, service }) => {
      const port = ports[service]
      if (port === undefined) return undefined
      const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; printf 'GET /metrics HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3; cat <&3`
      const text = await docker(['exec', id, 'bash', '-c', script], 5000).catch(() => '')
      return [id, { at: performance.now(), counters: parseCounters(text.replaceAll('\r', '')) }] as const
    }),
  )
  return new Map(found.filter((each) => each !== undefined))
}

function reading(
  { id, service }: Container,
  before: ReadonlyMap<string, Sample>,
  after: ReadonlyMap<string, Sample>,
): Reading {
  const [then, now] = [before.get(id), after.get(id)]
  if (!then?.counters.size || !now?.counters.size) return { remarks: [] }
  const seconds = (now.at - then.at) / 1000
  const value = (name: string, labels?: RegExp) => sumOf(now.counters, name, labels) ?? 0
  const perSecond = (name: string, labels?: RegExp) =>
    Math.max(0, value(name, labels) - (sumOf(then.counters, name, labels) ?? 0)) / seconds
  const targets = () => {
    const healthy = value('haproxy_backend_active_servers', /proxy="(web|app)"/)
    return `${healthy} healthy ${healthy === 1 ? 'target' : 'targets'}`
  }
  switch (service) {
    case 'alb':
      return {
        requests: perSecond('haproxy_frontend_http_responses_total', /proxy="alb"/),
        errors: perSecond('haproxy_frontend_http_responses_total', /proxy="alb",code="5xx"/),
        remarks: [targets()],
      }
    case 'nlb':
      return {
        remarks: [targets(), `${value('haproxy_frontend_current_sessions', /proxy="nlb"/)} connections`],
      }
    case 'web':
      return {
        requests: perSecond('apache_accesses_total'),
        remarks: [
          `${value('apache_workers', /busy/)} of ${value('apache_workers')} workers busy · rate with health checks`,
        ],
      }
    default: {
      // Without the balancer's questions.
      const own = /route="(?!\/healthz|\/readyz)/
      const batches = perSecond('save_batch_size_count')
      return {
        requests: perSecond('http_request_duration_seconds_count', own),
        errors: perSecond('http_request_duration_seconds_count', /status="5/),
        remarks: [
          `${value('save_queue_waiting')} saves waiting`,
          ...(batches > 0 ? [`${(perSecond('save_batch_size_sum') / batches).toFixed(1)} a batch`] : []),
          ...['writer', 'reader'].map((endpoint) => {
            const failing = value('database_failing', new RegExp(`"${endpoint}"`)) === 1
            const open = value('database_connections', new RegExp(`"${endpoint}"`))
            return failing ? styleText('red', `${endpoint} away`) : `${open} to the ${endpoint}`
          }),
        ],
      }
    }
  }
}

async function databaseRemarks(running: readonly Container[]): Promise<Map<string, string[]>> {
  const questions: Readonly<Record<string, string>> = {
    'db-writer': "SHOW STATUS LIKE 'Rpl_semi_sync_source_clients'",
    'db-reader': 'SHOW REPLICA STATUS',
  }
  const found = running.flatMap(({ id, service }) => {
    const question = questions[service]
    if (question === undefined) return []
    return docker(['exec', id, 'mysql', '--vertical', '-e', question], 5000).then(
      (answer): [string, string[]] => [id, [service === 'db-reader' ? lag(answer) : acknowledging(answer)]],
      (): [string, string[]] => [id, [styleText('red', 'does not answer')]],
    )
  })
  return new Map(await Promise.all(found))
}

/** Of semi-synchronous replication: without any, a commit waits no more for a second copy. */
function acknowledging(status: string): string {
  const readers = Number(/^ *Value: (\d+)/m.exec(status)?.[1] ?? 0)
  return readers === 0
    ? styleText('red', 'no reader acknowledges')
    : `${readers} ${readers === 1 ? 'reader acknowledges' : 'readers acknowledge'}`
}

/** `Seconds_Behind_Source` is NULL while it does not follow. */
function lag(replicaStatus: string): string {
  const seconds = /Seconds_Behind_Source: (\d+)/.exec(replicaStatus)?.[1]
  return seconds === undefined ? styleText('red', 'follows nobody') : `${seconds} s behind the writer`
}
