import type { ChildProcess, ChildProcessWithoutNullStreams, SpawnOptions } from 'node:child_process'
import { realpathSync, statSync } from 'node:fs'
import { repositoryRoot } from './checkout.ts'
import { docker, dockerOutput, spawnDocker } from './docker.ts'
import { services } from './services.ts'

/** See {@link openProject}. */
export interface ProjectOptions {
  /** @default as Compose names it: COMPOSE_PROJECT_NAME, else the folder */
  readonly name?: string | undefined
  /** The folder of another checkout, whose compose.yaml and .env are used. @default this checkout */
  readonly folder?: string | undefined
  /** For Compose, added to this process's environment: any variable of `.env.example`. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Profiles of compose.yaml to include. @default none */
  readonly profiles?: readonly string[] | undefined
  /** Once aborted, a running command is killed and no further one starts. @default never */
  readonly signal?: AbortSignal | undefined
}

/** A container of a project. */
export interface Container {
  readonly id: string
  readonly service: string
  /** Service and number, as in the logs of Compose: `app-1`. */
  readonly instance: string
  /** `running`, `exited`, … */
  readonly state: string
  /** `healthy`, `unhealthy`, `starting`; empty without a health check. */
  readonly health: string
  /** For people: `Up 3 minutes (healthy)`. */
  readonly status: string
}

/** compose.yaml with its extensions and settings, as far as commands use it. */
export interface Configuration {
  readonly name: string
  readonly services: Readonly<
    Record<
      string,
      {
        readonly environment?: Readonly<Record<string, string>>
        readonly scale?: number
        readonly deploy?: { readonly replicas?: number }
      }
    >
  >
}

/** A Compose project of this checkout. Every method that returns a promise rejects with a `DockerError`. */
export interface Project {
  /** Runs `docker compose` and resolves with its standard output. */
  compose(...args: string[]): Promise<string>
  /** What Compose reads. */
  config(): Promise<Configuration>
  /** Starts `docker compose` without waiting for it; the caller ends it. */
  spawn(args: readonly string[], options: SpawnOptions): ChildProcess
  /** Runs a command in a service's first container and resolves with its standard output. */
  exec(service: string, args: readonly string[]): Promise<string>
  /** Starts a command in a service's first container, with pipes to it; the caller ends it. */
  spawnExec(service: string, args: readonly string[]): ChildProcessWithoutNullStreams
  /** Runs SQL of any length as root on `db-writer` or `db-reader`: a line per row, columns separated by tabs. */
  sql(service: string, statement: string): Promise<string>
  /** The ids of a service's containers, including stopped ones; empty if none. */
  containers(service: string): Promise<string[]>
  /** Every container, including stopped ones, in the order of the diagram; other services last. */
  list(): Promise<Container[]>
  /** The names of the volumes that exist; empty if none. */
  volumes(): Promise<string[]>
  /** Both outputs of a service's containers, without prefixes. */
  logs(service: string): Promise<string>
  /** The files of Compose that a service's containers were started with: absolute paths; empty without containers. */
  filesOf(service: string): Promise<string[]>
  /** The folders of other checkouts that started containers under this project's name; empty if none. */
  otherCheckouts(): Promise<string[]>
}

/** A project by its name; does not start it. */
export function openProject({
  name,
  folder: cwd = repositoryRoot,
  env: given = {},
  profiles = [],
  signal,
}: ProjectOptions = {}): Project {
  // Only `up --build` and `build` build: a command for an emergency must not depend on it.
  const env = {
    PULL_POLICY: 'missing',
    ...given,
    // With --project-name, Compose would read the containers instead of its files, and misses a service that has none.
    ...(name === undefined ? {} : { COMPOSE_PROJECT_NAME: name }),
  }
  const args = ['compose', ...profiles.flatMap((profile) => ['--profile', profile])]

  const run = (...more: string[]) => dockerOutput([...args, ...more], { cwd, env, signal })

  const project: Project = {
    compose: async (...more) => (await run(...more)).stdout,
    config: async () => JSON.parse((await run('config', '--format', 'json')).stdout),
    spawn: (more, options) => spawnDocker([...args, ...more], { cwd, env: { ...process.env, ...env }, ...options }),
    exec: async (service, command) => (await run('exec', '--no-TTY', service, ...command)).stdout,
    spawnExec: (service, command) =>
      project.spawn(['exec', '--no-TTY', service, ...command], { stdio: 'pipe' }) as ChildProcessWithoutNullStreams,
    async sql(service, input) {
      const command = ['exec', '--no-TTY', service, 'mysql', '--batch', '--skip-column-names']
      // An argument has 128 KiB at most.
      return (await dockerOutput([...args, ...command], { cwd, env, signal, input })).stdout.trimEnd()
    },
    containers: async (service) => lines((await run('ps', '--all', '--quiet', service)).stdout),
    list: async () => parseContainers((await run('ps', '--all', '--format', 'json')).stdout),
    async volumes() {
      const filter = `label=com.docker.compose.project=${(await project.config()).name}`
      return lines(await docker(['volume', 'ls', '--filter', filter, '--format', '{{.Name}}'], { env, signal }))
    },
    async logs(service) {
      const { stdout, stderr } = await run('logs', '--no-color', '--no-log-prefix', service)
      return stdout + stderr
    },
    filesOf: async (service) => (await labels('config_files', service)).flatMap(splitPaths),
    otherCheckouts: async () => (await labels('working_dir')).filter((folder) => !isThisCheckout(folder)),
  }

  /** The values of one of Compose's labels of containers, each once. */
  async function labels(name: string, ...service: string[]): Promise<string[]> {
    const ids = lines((await run('ps', '--all', '--quiet', ...service)).stdout)
    if (ids.length === 0) return []
    // As JSON: a path may end in white space.
    const format = `{{json (index .Config.Labels "com.docker.compose.project.${name}")}}`
    const values = lines(await docker(['inspect', '--format', format, ...ids], { env, signal }))
    return [...new Set(values.map((value): string => JSON.parse(value)).filter(Boolean))]
  }

  return project
}

/** The files of a list that Compose has joined by commas, which a path may have too: each path ends where a file does. */
function splitPaths(list: string): string[] {
  const paths: string[] = []
  let path = ''
  for (const part of list.split(',')) {
    path = path === '' ? part : `${path},${part}`
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) continue
    paths.push(path)
    path = ''
  }
  return path === '' ? paths : [...paths, path]
}

function isThisCheckout(folder: string): boolean {
  try {
    return realpathSync(folder) === realpathSync(repositoryRoot)
  } catch {
    // The folder was removed.
    return false
  }
}

const lines = (text: string) => text.split('\n').filter(Boolean)

function parseContainers(output: string): Container[] {
  // Compose before 2.21 prints one array, later versions one object per line.
  const listed: Record<string, string>[] = output.startsWith('[')
    ? JSON.parse(output)
    : lines(output).map((line) => JSON.parse(line))
  // -1, of a service outside the diagram, becomes the largest number.
  const rank = (service: string) => (services as readonly string[]).indexOf(service) >>> 0
  return listed
    .map((each) => ({
      id: String(each.ID),
      service: String(each.Service),
      instance: `${each.Service}-${/\d+$/.exec(String(each.Name))?.[0] ?? 1}`,
      state: String(each.State),
      health: each.Health ?? '',
      status: String(each.Status),
    }))
    .sort((a, b) => rank(a.service) - rank(b.service) || a.instance.localeCompare(b.instance, 'en', { numeric: true }))
}
