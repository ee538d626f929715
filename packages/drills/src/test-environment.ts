import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import {
  docker,
  openProject,
  openTopology,
  type Project,
  repositoryRoot,
  type Topology,
  thaw,
  waitFor,
} from '@repo/compose'
import { readState } from '@repo/ops/databases.ts'
import { type DurabilityResult, verifyDurability } from './durability.ts'
import { openHttpClient } from './http.ts'
import { type Attempt, hasRecovered, type LoadOptions, startLoad } from './load.ts'
import { removeClients } from './network-client.ts'
import { miscounted, parentInsertions } from './rows.ts'
import type { Workload } from './workload.ts'

/** A load while a fault is injected. */
export interface RunningLoad {
  /**
   * Waits until requests sent after `since` succeed without a failure between them.
   *
   * @param since milliseconds since 1970.
   * @returns false if that does not happen within two minutes.
   */
  recovered(since: number): Promise<boolean>
  /** The attempts that have ended so far. */
  readonly attempts: readonly Attempt[]
}

/** What an operator runs. */
export type OperatorCommand = 'start' | 'status' | 'failover' | 'rejoin' | 'backup' | 'restore' | 'deploy'

/** A running topology that drills may damage. */
export interface TestEnvironment extends AsyncDisposable {
  /** Its commands include the overrides of this environment. */
  readonly topology: Project & Pick<Topology, 'project' | 'url'>
  readonly workload: Workload
  /** How long the load runs before and after a fault. */
  readonly steadyMs: number
  /**
   * Runs `fault` under a steady load of writes and reads, and resolves with its result.
   *
   * @param clients are closed at its end. @default 100 writes per second, each sent once, and 30 reads
   */
  underLoad<T>(
    fault: (load: RunningLoad) => Promise<T>,
    clients?: LoadClients,
  ): Promise<{ readonly attempts: readonly Attempt[]; readonly result: T }>
  /** Compares the rows of a server with the attempts. @param service @default db-writer */
  verifyDurability(attempts: readonly Attempt[], service?: 'db-writer' | 'db-reader'): Promise<DurabilityResult>
  /** The services' containers with their start times: equal as long as none was restarted or replaced. */
  identities(services: readonly string[]): Promise<string>
  /** Runs Bash commands in the checkout for this topology; those that are not documented are in operations.sh. */
  shell(command: string): Promise<{ readonly code: number; readonly output: string }>
  /** Runs what `npm start`, `npm run failover`, `npm run deploy:local` and so on run, without a terminal. Both outputs are in one text. */
  operate(command: OperatorCommand, ...args: string[]): Promise<{ readonly code: number; readonly output: string }>
  /** For files that containers mount, and temporary ones of commands; removed with the environment. */
  readonly folder: string
  /** Extends compose.yaml for one drill and recreates the services, if any. Without text it removes the extension. */
  override(text: string, ...services: string[]): Promise<void>
  /** The same for a broken variant of the product, which stays in place while drills run. */
  variant(text: string, ...services: string[]): Promise<void>
  /** Removes the override, starts stopped containers, thaws frozen databases and waits until replication works. */
  heal(): Promise<void>
  /** Recreates both databases without data: the only way back after a failover. */
  recreateDatabases(): Promise<void>
}

/** See {@link openTestEnvironment}. */
export interface TestEnvironmentOptions extends Pick<TestEnvironment, 'workload' | 'steadyMs'> {
  /** To use this running topology, whose data and containers the drills replace. @default starts one of its own */
  readonly topology?: Topology
  /** Once aborted, a running command is ended and no further one starts. @default never */
  readonly signal?: AbortSignal
}

/** Who sends a load. */
export interface LoadClients extends LoadOptions {
  close(): void
}

const openClients = (url: string, workload: Workload): LoadClients => ({
  ...openHttpClient(url),
  workload,
  writesPerSecond: 100,
  readsPerSecond: 30,
})

const noOverride = 'services: {}\n'

/** In the folder of an environment: a module that changes the operator's commands; see `variants.ts`. */
export const commandPatch = 'commands.mjs'

/** Prepares a topology for drills. The caller disposes of it: `await using`; a topology that was given stays. */
export async function openTestEnvironment(options: TestEnvironmentOptions): Promise<TestEnvironment> {
  const { workload, steadyMs, signal } = options
  const base = options.topology ?? (await openTopology({ name: 'drills', ...(signal && { signal }) }))
  const folder = await mkdtemp(join(tmpdir(), 'drills-'))
  await chmod(folder, 0o755)
  const files = { variant: join(folder, 'variant.yaml'), override: join(folder, 'override.yaml') }
  for (const file of Object.values(files)) await writeFile(file, noOverride)
  const composeFile = ['compose.yaml', files.variant, files.override].join(delimiter)
  // The time of an operation is not that of a build.
  const env = { ...base.env, COMPOSE_FILE: composeFile, PULL_POLICY: 'missing' }
  const project = openProject({ name: base.project, env, signal })
  const topology = { ...project, project: base.project, url: base.url }

  const up = (...args: string[]) => project.compose('up', '--detach', '--wait', ...args)

  async function extend(file: string, text: string, services: readonly string[]): Promise<void> {
    await writeFile(file, text || noOverride)
    if (services.length > 0) await up('--no-deps', ...services)
  }

  /** Runs a command for this topology, without a terminal. */
  function run(program: string, ...args: string[]): Promise<{ code: number; output: string }> {
    const options = {
      cwd: repositoryRoot,
      env: { ...process.env, ...env, COMPOSE_PROJECT_NAME: base.project, TMPDIR: folder },
      // Longer than any of them takes: only a hang takes longer.
      timeout: 600_000,
      ...(signal && { signal }),
    }
    return new Promise((resolve) => {
      const child = execFile(program, args, options, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : (child.exitCode ?? 1), output: stripVTControlCharacters(stdout + stderr) })
      })
      child.stdin?.end()
    })
  }

  const patch = () => (existsSync(join(folder, commandPatch)) ? ['--import', join(folder, commandPatch)] : [])

  const environment: TestEnvironment = {
    topology,
    workload,
    folder,
    steadyMs,

    async underLoad(fault, clients = openClients(base.url, workload)) {
      const load = startLoad(clients)
      const recovered = (since: number) =>
        waitFor('recovered', () => hasRecovered(load.attempts, since), { timeoutMs: 120_000 }).catch(() => false)
      try {
        await delay(steadyMs)
        const result = await fault({ recovered, attempts: load.attempts })
        await delay(steadyMs)
        return { attempts: await load.stop(), result }
      } finally {
        await load.stop()
        clients.close()
      }
    },

    async verifyDurability(attempts, service = 'db-writer') {
      const select = workload.storedSince(attempts[0]?.sentAt ?? 0)
      // Statements of aborted requests may still be running.
      let stored = await project.sql(service, select)
      for (let before = ''; before.length < stored.length; await delay(500)) {
        before = stored
        stored = await project.sql(service, select)
      }
      const result = verifyDurability(attempts, stored.split('\n').filter(Boolean).map(Number))
      const difference = miscounted(workload)
      return difference === undefined
        ? result
        : { ...result, miscounted: Number(await project.sql(service, difference)) }
    },

    async identities(services) {
      const ids = await Promise.all(services.map((service) => project.containers(service)))
      return docker(['inspect', '--format', '{{.Name}} {{.Id}} {{.State.StartedAt}} {{.RestartCount}}', ...ids.flat()])
    },

    shell: (command) => run('bash', '--norc', '-euc', `. packages/drills/src/operations.sh\n${command}`),
    operate: (command, ...args) =>
      command === 'start'
        ? run('bash', '--norc', 'scripts/start.sh')
        : run(process.execPath, ...patch(), `packages/ops/src/${command}.ts`, ...args),
    override: (text, ...services) => extend(files.override, text, services),
    async variant(text, ...services) {
      if (text === '') await rm(join(folder, commandPatch), { force: true })
      await extend(files.variant, text, services)
    },

    async heal() {
      await writeFile(files.override, noOverride)
      const databases = await project.compose('ps', '--quiet', '--status', 'running', 'db-writer', 'db-reader')
      const ids = databases.split('\n').filter(Boolean)
      await Promise.all(ids.map(thaw))
      // `up --wait` fails at once for what the last health check, up to a minute ago, has found.
      const noneUnhealthy = async () =>
        !(await docker(['inspect', '--format', '{{.State.Health.Status}}', ...ids])).includes('unhealthy')
      if (ids.length > 0) await waitFor('the next health check', noneUnhealthy, { timeoutMs: 90_000 }).catch(() => {})
      await up()
      await waitFor('the reader follows the writer', async () => {
        // A statement that changes nothing but reaches the reader: after a reader's return the writer waits for it
        // only once it has acknowledged a transaction.
        const status = await project.sql(
          'db-writer',
          `DROP TABLE IF EXISTS testdb.nothing;
           SHOW STATUS WHERE Variable_name IN ('Rpl_semi_sync_source_status', 'Rpl_semi_sync_source_clients')`,
        )
        if (!/clients\t1\n.*status\tON/.test(status)) return false
        return (await readState(project, 'db-writer')).oneCopy === undefined
      })
      for (const statement of parentInsertions(workload)) await project.sql('db-writer', statement)
    },

    async recreateDatabases() {
      await project.compose('rm', '--stop', '--force', '--volumes', 'db-writer', 'db-reader')
      const volumes = ['db-writer-data', 'db-reader-data', 'db-epoch']
      await docker(['volume', 'rm', ...volumes.map((volume) => `${base.project}_${volume}`)])
      await environment.heal()
    },

    async [Symbol.asyncDispose]() {
      await removeClients(base)
      if (options.topology === undefined) await base.down()
      await rm(folder, { recursive: true })
    },
  }
  try {
    await environment.heal()
  } catch (error) {
    await environment[Symbol.asyncDispose]()
    throw error
  }
  return environment
}
