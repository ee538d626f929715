import { createServer } from 'node:net'
import { delimiter } from 'node:path'
import { openProject, type Project } from './project.ts'
import { removeLeftovers, testProject } from './test-run.ts'

/** What to start. */
export interface TopologyOptions {
  /** Unique in this process; lower-case letters, digits and dashes. */
  readonly name: string
  /** The folder of another checkout to start. @default this checkout */
  readonly folder?: string | undefined
  /** For Compose, added to this process's environment: any variable of `.env.example`. */
  readonly env?: Readonly<Record<string, string>>
  /** Containers by service. @default as compose.yaml says */
  readonly scale?: Readonly<Record<string, number>> | undefined
  /** Only these and their dependencies. @default all */
  readonly services?: readonly string[]
  /** Profiles of compose.yaml to start as well. @default none */
  readonly profiles?: readonly string[]
  /** Once aborted, a running command is killed, and only {@link Topology.down} runs further ones. @default never */
  readonly signal?: AbortSignal | undefined
}

/** What another process needs to use a running topology, as plain data. */
export interface TopologyReference {
  /** The Compose project. */
  readonly project: string
  /** The ALB's address on this machine, without a slash at the end. */
  readonly url: string
  /** For Compose, added to the process's environment. */
  readonly env: Readonly<Record<string, string>>
  /** Profiles of compose.yaml that belong to it. */
  readonly profiles: readonly string[]
}

/** The composed topology, running and healthy, as a project of its own. */
export interface Topology extends Project, TopologyReference, AsyncDisposable {
  /**
   * Starts what is missing, restores the number of containers of each service, and waits until all are healthy.
   *
   * @param args services or options of `docker compose up`. @default all services
   */
  up(...args: string[]): Promise<void>
  /** Removes containers, networks, volumes and the images built. */
  down(): Promise<void>
}

/** Whatever the shell and `.env` have for the topology of this checkout. */
const defaults = {
  WEB_ADDRESS: '127.0.0.1',
  WEB_COUNT: '2',
  APP_COUNT: '2',
  COMPOSE_FILE: 'compose.yaml',
  COMPOSE_PATH_SEPARATOR: delimiter,
  COMPOSE_PROFILES: '',
}

/** Builds the images, starts the topology and waits until it is healthy. The caller disposes of it: `await using`. */
export async function openTopology(options: TopologyOptions): Promise<Topology> {
  const { name, folder, services = [], scale, profiles = [], signal } = options
  await removeLeftovers()
  const port = await freePort()
  const topology = attachTopology(
    {
      project: testProject(name),
      url: `http://127.0.0.1:${port}`,
      env: { ...defaults, ...options.env, WEB_PORT: String(port) },
      profiles,
    },
    { folder, scale, signal },
  )
  try {
    await topology.up('--build', ...services)
  } catch (error) {
    await topology.down()
    throw error
  }
  return topology
}

/** Uses a topology that another process has opened, which also disposes of it. */
export function attachTopology(
  { project, url, env, profiles }: TopologyReference,
  { folder, scale = {}, signal }: Pick<TopologyOptions, 'folder' | 'scale' | 'signal'> = {},
): Topology {
  const identity = { name: project, folder, profiles, env }
  const running = openProject({ ...identity, signal })
  // Without the signal: the topology is removed after it was aborted.
  const removing = openProject(identity)
  const counts = Object.entries(scale).flatMap(([service, count]) => ['--scale', `${service}=${count}`])

  async function down(): Promise<void> {
    const remove = () => removing.compose('down', '--volumes', '--remove-orphans', '--rmi', 'all', '--timeout', '0')
    // Ctrl-C reaches every process of a terminal, including the first attempt.
    await remove().catch(remove)
  }

  return {
    ...running,
    project,
    url,
    env,
    profiles,
    up: async (...args) => void (await running.compose('up', '--wait', ...counts, ...args)),
    down,
    [Symbol.asyncDispose]: down,
  }
}

/** A port of this machine that is not in use. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
