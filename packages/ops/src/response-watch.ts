import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { docker, type Project, repositoryRoot } from '@repo/compose'
import { CliError } from './cli.ts'
import { readCounters, sumOf } from './counters.ts'

/** How long a new container is watched. */
const watchMs = 2000

/** Between two looks. */
const intervalMs = 500

/** How many requests a look sends to a container. */
const readsPerLook = 10

/** Longer than the requests of a look take: only a hang of Docker takes longer. */
const readsTimeoutMs = 10_000

/** Requests, and how many of them failed: with 5xx, or without a response. */
export interface Responses {
  readonly total: number
  readonly errors: number
}

/** Compares the responses during a deployment with those before it. */
export interface ResponseWatch {
  /** The release begins: it is compared with what was answered since the watch was opened. */
  begin(): Promise<void>
  /**
   * Looks for some seconds, and sends reads to the new container: it may have no clients yet.
   *
   * @param old the containers of the release before, which get the same reads.
   * @throws {CliError} when clearly more responses are 5xx than before the release, or when the new container clearly
   * fails more reads than the old ones do.
   */
  watch(service: Service, added: string, old: readonly string[]): Promise<void>
}

/** The services that are watched, with the ports on which they serve. */
const ports = { app: 9090, web: 8080 } as const

type Service = keyof typeof ports

const none: Responses = { total: 0, errors: 0 }

/** Watches the responses of the project's ALB, from now on. */
export async function openResponseWatch(project: Project): Promise<ResponseWatch> {
  const paths = readPaths(await readFile(join(repositoryRoot, 'apps/app/src/http/openapi.json'), 'utf8'))
  const [alb = ''] = await project.containers('alb')
  let before = none
  let start = { at: performance.now(), counted: (await countResponses(alb)) ?? none }

  /** What was answered since `start`. If the ALB does not respond, that is nothing. */
  async function answered(): Promise<{ counted: Responses; since: Responses }> {
    const counted = (await countResponses(alb)) ?? start.counted
    return { counted, since: combine(counted, start.counted, -1) }
  }

  async function restart(): Promise<Responses> {
    const { counted, since } = await answered()
    start = { at: performance.now(), counted }
    return since
  }

  async function look(): Promise<void> {
    const { since } = await answered()
    if (!isWorse(before, since)) return
    const seconds = Math.ceil((performance.now() - start.at) / 1000)
    throw worse(
      `${describe(since)} responses in the last ${seconds} s were 5xx, ${describe(before)} before the release.`,
    )
  }

  return {
    async begin() {
      before = await restart()
    },
    async watch(service, added, old) {
      const deadline = performance.now() + watchMs
      let [ofAdded, ofOld] = [none, none]
      do {
        await look()
        const [first, ...others] = await Promise.all([added, ...old].map((id) => sendReads(id, ports[service], paths)))
        ofAdded = combine(ofAdded, first ?? none)
        ofOld = others.reduce((sum, each) => combine(sum, each), ofOld)
        if (isWorse(ofOld, ofAdded)) {
          throw worse(
            `The new container of ${service} failed ${describe(ofAdded)} reads, the old ones ${describe(ofOld)}.`,
          )
        }
        await delay(intervalMs)
      } while (performance.now() < deadline)
      await restart()
    },
  }
}

/** Undefined if the ALB does not respond. */
async function countResponses(alb: string): Promise<Responses | undefined> {
  const counters = await readCounters({ id: alb, service: 'alb' })
  const count = (labels: RegExp) => sumOf(counters, 'haproxy_frontend_http_responses_total', labels)
  const total = count(/proxy="alb"/)
  return total === undefined ? undefined : { total, errors: count(/proxy="alb",code="5xx"/) ?? 0 }
}

// $1: the port. The others: paths. Prints the status of each.
const readAll = `
  port=$1
  shift
  for path; do
    {
      exec 3<>"/dev/tcp/127.0.0.1/$port"
      printf 'GET %s HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' "$path" >&3
      read -r -t 3 _ status _ <&3
      # A client that closes before the end of the response would be logged as an aborted connection.
      timeout 3 cat <&3 >/dev/null
      echo "$status"
    } &
  done
  wait`

/** Reads from one container itself. */
async function sendReads(id: string, port: number, paths: readonly string[]): Promise<Responses> {
  const sent = Array.from({ length: readsPerLook }, (_, number) => String(paths[number % paths.length]))
  const command = ['exec', id, 'bash', '-c', readAll, '-', String(port), ...sent]
  const statuses = await docker(command, { timeoutMs: readsTimeoutMs }).catch(() => '')
  return { total: sent.length, errors: sent.length - (statuses.match(/^[1-4]\d\d$/gm)?.length ?? 0) }
}

/** What an OpenAPI document has to read for any resource: the status, and one row of each list. */
export function readPaths(contract: string): string[] {
  const { paths }: { paths: Record<string, { get?: { parameters?: { name?: string }[] } }> } = JSON.parse(contract)
  const lists = Object.entries(paths).filter(
    ([path, { get }]) => !path.includes('{') && get?.parameters?.some(({ name }) => name === 'limit'),
  )
  return ['/status', ...lists.map(([path]) => `${path}?limit=1`)]
}

/**
 * True if clearly more of the later requests failed: by more than three standard errors, which chance does once in a
 * thousand comparisons, and by half as many again, since errors of an overload come in bursts.
 */
export function isWorse(before: Responses, since: Responses): boolean {
  if (before.total <= 0 || since.total <= 0) return false
  const [former, present] = [before.errors / before.total, since.errors / since.total]
  const pooled = (before.errors + since.errors) / (before.total + since.total)
  const standardError = Math.sqrt(pooled * (1 - pooled) * (1 / before.total + 1 / since.total))
  return present > 1.5 * former && present - former > 3 * standardError
}

const combine = (a: Responses, b: Responses, sign = 1): Responses => ({
  total: a.total + sign * b.total,
  errors: a.errors + sign * b.errors,
})

const worse = (text: string) =>
  new CliError(`${text}\n  For a release that ends an outage: npm run deploy:local -- --ignore-errors`)

const describe = ({ errors, total }: Responses) => `${errors} of ${total}`
