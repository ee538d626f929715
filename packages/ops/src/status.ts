import { setTimeout as delay } from 'node:timers/promises'
import { stripVTControlCharacters, styleText } from 'node:util'
import { type Container, DockerError, docker, type Project, services } from '@repo/compose'
import { CliError, listContainers, openOwnProject, runCli, thisMachine } from './cli.ts'
import { type Counters, queryTimeoutMs, readCounters, sumOf } from './counters.ts'
import {
  type Database,
  type DatabaseState,
  describeLack,
  describeOutage,
  endpointNames,
  hasReader,
  type OneCopy,
  readState,
} from './databases.ts'

/** Between the two samples that rates are computed from. */
const sampleIntervalMs = 2000

/** The counters of a container at one time, in milliseconds. */
interface Sample {
  readonly at: number
  readonly counters: Counters
}

/** What a line shows besides the container's state. */
interface Figures {
  /** Per second. */
  readonly requests?: number | undefined
  readonly errors?: number | undefined
  readonly details: readonly string[]
}

await runCli(async () => {
  const project = await openOwnProject({ profiles: ['observe'] })
  const running = (await listContainers(project)).filter(({ state }) => state === 'running')
  if (running.length === 0) throw new CliError('No container is running. `npm start` starts the topology.')
  const before = await sampleAll(running)
  await delay(sampleIntervalMs)
  const [all, after, states] = await Promise.all([project.list(), sampleAll(running), readStates(project)])
  const withReader = await hasReader(project)
  const databases = await databaseDetails(project, running, states, withReader)

  const address = (await project.compose('port', 'alb', '80').catch(() => '')).trim().replace(thisMachine, 'localhost:')
  console.log(`\n${styleText('bold', address ? `http://${address}` : 'not published')}\n`)
  console.log(styleText('dim', row('', '', 'requests/s', '5xx/s', '')))
  for (const container of all.filter(({ service }) => (services as readonly string[]).includes(service))) {
    const details = databases.get(container.id)
    const shown = details ? { details } : figures(container, before, after, withReader)
    console.log(
      row(
        container.instance,
        state(container),
        rate(shown.requests),
        rate(shown.errors, shown.errors ? 'red' : undefined),
        shown.details.join(' · '),
      ),
    )
  }
  for (const name of services.filter((each) => !all.some(({ service }) => service === each))) {
    const isIntended = name === 'db-reader' && !withReader
    console.log(row(name, isIntended ? styleText('dim', 'none (--light)') : styleText('red', 'missing'), '', '', ''))
  }
  const outage = describeOutage(states, (database) => running.some(({ service }) => service === database))
  if (outage !== '') console.log(`\n  ${styleText('red', outage)}`)
  console.log()
})

async function readStates(project: Project): Promise<Record<Database, DatabaseState>> {
  const [writer, reader] = await Promise.all([readState(project, 'db-writer'), readState(project, 'db-reader')])
  return { 'db-writer': writer, 'db-reader': reader }
}

/** Pads columns by their visible width: escape codes of colours have none. */
function row(
  ...[name, condition, requests, errors, details]: readonly [string, string, string, string, string]
): string {
  const pad = (text: string, width: number) => ' '.repeat(Math.max(0, width - stripVTControlCharacters(text).length))
  return (
    `  ${name}${pad(name, 13)}${condition}${pad(condition, 34)}` +
    `${pad(requests, 10)}${requests}${pad(errors, 9)}${errors}  ${details}`
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

function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : nouns}`
}

/** By container id. */
async function sampleAll(running: readonly Container[]): Promise<Map<string, Sample>> {
  const samples = await Promise.all(
    running.map(async (container) => {
      const counters = await readCounters(container)
      return [container.id, { at: performance.now(), counters }] as const
    }),
  )
  return new Map(samples)
}

function figures(
  { id, service }: Container,
  before: ReadonlyMap<string, Sample>,
  after: ReadonlyMap<string, Sample>,
  withReader: boolean,
): Figures {
  const [first, second] = [before.get(id), after.get(id)]
  if (!first?.counters.size || !second?.counters.size) return { details: [] }
  const seconds = (second.at - first.at) / 1000
  const value = (name: string, labels?: RegExp) => sumOf(second.counters, name, labels) ?? 0
  const perSecond = (name: string, labels?: RegExp) =>
    Math.max(0, value(name, labels) - (sumOf(first.counters, name, labels) ?? 0)) / seconds
  const targets = () => plural(value('haproxy_backend_active_servers', /proxy="(web|app)"/), 'healthy target')
  switch (service) {
    case 'alb':
      return {
        requests: perSecond('haproxy_frontend_http_responses_total', /proxy="alb"/),
        errors: perSecond('haproxy_frontend_http_responses_total', /proxy="alb",code="5xx"/),
        details: [targets()],
      }
    case 'nlb':
      return {
        details: [targets(), plural(value('haproxy_frontend_current_sessions', /proxy="nlb"/), 'connection')],
      }
    case 'web':
      return {
        requests: perSecond('apache_accesses_total'),
        details: [
          `${value('apache_workers', /busy/)} of ${plural(value('apache_workers'), 'worker')} busy`,
          'rate includes health checks',
        ],
      }
    default: {
      const exceptHealthChecks = /route="(?!\/healthz|\/readyz)/
      const batches = perSecond('save_batch_size_count')
      return {
        requests: perSecond('http_request_duration_seconds_count', exceptHealthChecks),
        errors: perSecond('http_request_duration_seconds_count', /status="5/),
        details: [
          `${plural(value('save_queue_waiting'), 'write')} queued`,
          ...(batches > 0 ? [`${(perSecond('save_batch_size_sum') / batches).toFixed(1)} per batch`] : []),
          ...(withReader ? ['writer', 'reader'] : ['writer']).map((endpoint) => {
            const failing = value('database_failing', new RegExp(`"${endpoint}"`)) === 1
            const open = value('database_connections', new RegExp(`"${endpoint}"`))
            return failing ? styleText('red', `${endpoint} unavailable`) : plural(open, `${endpoint} connection`)
          }),
        ],
      }
    }
  }
}

/** Of each database, by container id: what the servers themselves say. */
async function databaseDetails(
  project: Project,
  running: readonly Container[],
  states: Readonly<Record<Database, DatabaseState>>,
  withReader: boolean,
): Promise<Map<string, string[]>> {
  const details = running.flatMap(({ id, service }) =>
    service === 'db-writer' || service === 'db-reader'
      ? [describeDatabase(project, service, id, states[service], withReader)]
      : [],
  )
  return new Map(await Promise.all(details))
}

async function describeDatabase(
  project: Project,
  database: Database,
  id: string,
  state: DatabaseState,
  withReader: boolean,
): Promise<[string, string[]]> {
  const query = (statement: string) =>
    docker(['exec', id, 'mysql', '--vertical', '-e', statement], { timeoutMs: queryTimeoutMs })
  const { setAside } = state
  const lack = [describeLack(database, state)].filter(Boolean).map((text) => styleText('red', text))
  const copies =
    setAside.length > 0
      ? [`${plural(setAside.length, 'copy set aside', 'copies set aside')}: ${setAside.join(', ')}`]
      : []
  const role = async () => {
    if (state.reason !== '') return [styleText('red', state.reason)]
    if (state.mode === 'replica') return ['replica', replicaLag(await query('SHOW REPLICA STATUS')), ...lack]
    if (state.mode !== 'writable') return [styleText('red', state.mode)]
    return [
      `current writer, epoch ${state.epoch}`,
      ...((await endpointNames(project, database)).includes('db-writer')
        ? []
        : [styleText('red', 'does not have the name db-writer: npm run failover')]),
      withReader
        ? semiSync(await query("SHOW STATUS LIKE 'Rpl_semi_sync_source_%'"), state.oneCopy)
        : 'writes are on one machine, as intended',
      ...(/: Y$/m.test(await query("SELECT account_locked FROM mysql.user WHERE user = 'app'"))
        ? [styleText('red', 'the app is locked out: complete the restore, run it again')]
        : []),
    ]
  }
  const noResponse = (error: unknown) => {
    if (!(error instanceof DockerError)) throw error
    return [styleText('red', 'no response')]
  }
  return [id, [...(await role().catch(noResponse)), ...copies]]
}

/** What an acknowledgement means now. A connected reader alone says nothing: replication may be asynchronous. */
function semiSync(status: string, oneCopy: OneCopy | undefined): string {
  const value = (name: string) => new RegExp(`_${name}\\n *Value: (.*)`).exec(status)?.[1] ?? ''
  const onOne = plural(Number(value('no_tx')), 'transaction')
  if (oneCopy === undefined && value('status') === 'ON' && Number(value('clients')) > 0) {
    return `writes are on two machines · ${onOne} on one since its start`
  }
  const text = `writes are on one machine${oneCopy === undefined ? '' : ` since ${oneCopy.since}`}`
  return `${styleText('red', text)} · ${onOne} so far`
}

/** `Seconds_Behind_Source` is NULL while replication does not run. */
function replicaLag(replicaStatus: string): string {
  const seconds = /Seconds_Behind_Source: (\d+)/.exec(replicaStatus)?.[1]
  return seconds === undefined ? styleText('red', 'replication stopped') : `replica lag ${seconds} s`
}
