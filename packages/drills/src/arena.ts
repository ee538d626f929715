import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { openStack, type Stack, thaw } from '@repo/compose'
import { judge, type Verdict } from './judge.ts'
import { type Attempt, clientOf, startLoad } from './load.ts'

const run = promisify(execFile)

/** What runs all the time, in the order of the diagram. */
export const services = ['alb', 'web', 'nlb', 'app', 'db-writer', 'db-reader'] as const

/** A topology of the drills' own, to be broken and mended. */
export interface Arena extends AsyncDisposable {
  readonly stack: Stack
  /** How long a load runs before a fault, and after what the fault's drill waits for. */
  readonly steadyMs: number
  /** Bounds in seconds are multiplied by it, where other work shares the machine. */
  readonly patience: number
  /**
   * Runs `fault` under a steady load of writes and reads.
   *
   * @param fault its result is handed on; the load goes on for `steadyMs` after it.
   */
  underLoad<T>(fault: () => Promise<T>): Promise<{ readonly attempts: readonly Attempt[]; readonly result: T }>
  /** Holds the rows of a server against the attempts. @param service where the rows are. @default db-writer */
  verdict(attempts: readonly Attempt[], service?: 'db-writer' | 'db-reader'): Promise<Verdict>
  /** The project's containers by service and number, as Docker shows them when they are not restarted. */
  identities(services: readonly string[]): Promise<string>
  /** For files that containers mount; gone with the arena. */
  readonly folder: string
  /** Extends compose.yaml, for a drill: these services are made anew. Without text, as they were. */
  override(text: string, ...services: string[]): Promise<void>
  /** The same below the drills' own: what is under test is another product. */
  variant(text: string, ...services: string[]): Promise<void>
  /** Starts what was stopped or killed, thaws what was frozen, and waits until the databases follow each other. */
  heal(): Promise<void>
  /** Makes both databases anew, empty; after a failover nothing else leads back. */
  renewDatabases(): Promise<void>
}

/** See {@link Arena}. */
interface ArenaOptions extends Pick<Arena, 'steadyMs' | 'patience'> {
  readonly project: string
  /** Once aborted, nothing more is done but disposing of it. @default never */
  readonly signal?: AbortSignal
}

/** Builds and starts the topology on a free port; the caller disposes of it. */
export async function openArena({ project, steadyMs, patience, signal }: ArenaOptions): Promise<Arena> {
  const folder = await mkdtemp(join(tmpdir(), 'drills-'))
  await chmod(folder, 0o755)
  const none = 'services: {}\n'
  const files = { variant: join(folder, 'variant.yaml'), override: join(folder, 'override.yaml') }
  for (const file of Object.values(files)) await writeFile(file, none)
  const stack = await openStack({
    project,
    port: await freePort(),
    env: { COMPOSE_FILE: ['compose.yaml', files.variant, files.override].join(delimiter) },
    ...(signal && { signal }),
  })

  const up = (...args: string[]) => stack.compose('up', '--detach', '--wait', ...args)

  async function extend(file: string, text: string, services: readonly string[]): Promise<void> {
    await writeFile(file, text || none)
    await up('--no-deps', ...services)
  }

  const arena: Arena = {
    stack,
    folder,
    steadyMs,
    patience,

    async underLoad(fault) {
      const client = clientOf(stack.url)
      const load = startLoad({ ask: client.ask, writesPerSecond: 100, readsPerSecond: 30 })
      try {
        await delay(steadyMs)
        const result = await fault()
        await delay(steadyMs)
        return { attempts: await load.stop(), result }
      } finally {
        await load.stop()
        client.destroy()
      }
    },

    async verdict(attempts, service = 'db-writer') {
      const from = new Date(attempts[0]?.sentAt ?? 0).toISOString().slice(0, 23).replace('T', ' ')
      const rows = () => stack.sql(service, `SELECT dt FROM testdb.testtable WHERE dt >= '${from}'`)
      // Statements that nobody waits for any more may still be carried out.
      let stored = await rows()
      for (let before = ''; before.length < stored.length; await delay(500)) {
        before = stored
        stored = await rows()
      }
      const arrivals = stored.split('\n').filter(Boolean)
      return judge(
        attempts,
        arrivals.map((dt) => Date.parse(`${dt.replace(' ', 'T')}Z`)),
      )
    },

    async identities(services) {
      const ids = await Promise.all(services.map((service) => stack.containers(service)))
      return docker('inspect', '--format', '{{.Name}} {{.Id}} {{.State.StartedAt}} {{.RestartCount}}', ...ids.flat())
    },

    override: (text, ...services) => extend(files.override, text, services),
    variant: (text, ...services) => extend(files.variant, text, services),

    async heal() {
      await writeFile(files.override, none)
      const databases = await stack.compose('ps', '--quiet', '--status', 'running', 'db-writer', 'db-reader')
      await Promise.all(databases.split('\n').filter(Boolean).map(thaw))
      await up()
      await until('the reader follows the writer', async () => {
        // The first statement does nothing but reach the reader: the writer waits for a reader that came back only
        // once that has acknowledged something.
        const state = await stack.sql(
          'db-writer',
          `DROP TABLE IF EXISTS testdb.nothing;
           SHOW STATUS WHERE Variable_name IN ('Rpl_semi_sync_source_status', 'Rpl_semi_sync_source_clients')`,
        )
        return /clients\t1\n.*status\tON/.test(state)
      })
    },

    async renewDatabases() {
      await stack.compose('rm', '--stop', '--force', '--volumes', 'db-writer', 'db-reader')
      await docker('volume', 'rm', `${project}_db-writer-data`, `${project}_db-reader-data`)
      await arena.heal()
    },

    async [Symbol.asyncDispose]() {
      // They would hold on to the networks.
      const clients = await docker('ps', '--quiet', '--filter', `label=${clientLabel(stack)}`)
      if (clients) await docker('rm', '--force', ...clients.split('\n'))
      await stack.down()
      await rm(folder, { recursive: true })
    },
  }
  await arena.heal()
  return arena
}

/** Runs `docker`; gives its standard output without the white space around it. @throws with its standard error. */
export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run('docker', args, { maxBuffer: 256 * 1024 * 1024 })
  return stdout.trim()
}

/** Runs a file of this folder in a container of the app's image, on one of the topology's networks; gives its output. */
export async function runInNetwork(arena: Arena, network: string, file: string, ...args: string[]): Promise<string> {
  const { stack } = arena
  const [app = ''] = await stack.containers('app')
  const image = await docker('inspect', '--format', '{{.Image}}', app)
  const options = [
    '--rm',
    '--label',
    clientLabel(stack),
    '--network',
    `${stack.project}_${network}`,
    '--volume',
    `${import.meta.dirname}:/drills:ro`,
  ]
  return docker('run', ...options, image, 'node', `/drills/${file}`, ...args)
}

const clientLabel = ({ project }: Stack) => `three-tier.client-of=${project}`

/** What a container has written since then, to both its outputs. */
export async function logged(container: string, since: string): Promise<string> {
  const { stdout, stderr } = await run('docker', ['logs', '--since', since, container], {
    maxBuffer: 256 * 1024 * 1024,
  })
  return `${stdout}\n${stderr}`
}

/** Waits for a condition. @throws when it does not hold within `limitMs`. @param limitMs @default 120000 */
export async function until(what: string, holds: () => Promise<boolean>, limitMs = 120_000): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs / 1000} s: ${what}`)
    await delay(100)
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
