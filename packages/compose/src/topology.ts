import { createServer } from 'node:net'
import { openProject, type Project } from './project.ts'
import { removeLeftovers, testProject } from './test-run.ts'

/** What to start. */
export interface TopologyOptions {
  /** Distinguishes it from others of this process; lower-case letters, digits and dashes. */
  readonly name: string
  /** For Compose, added to this process's environment: any variable of `.env.example`. */
  readonly env?: Readonly<Record<string, string>>
  /** Containers by service. @default as compose.yaml says */
  readonly scale?: Readonly<Record<string, number>>
  /** Only these, and what they depend on. @default all */
  readonly services?: readonly string[]
  /** Profiles of compose.yaml to start as well. @default none */
  readonly profiles?: readonly string[]
  /** Once aborted, a running command is ended and nothing more is done but {@link Topology.down}. @default never */
  readonly signal?: AbortSignal
}

/** The composed topology, running and healthy, as a project of its own. */
export interface Topology extends Project, AsyncDisposable {
  /** The Compose project. */
  readonly project: string
  /** The ALB's address on this machine, without a slash at the end. */
  readonly url: string
  /** Starts what is missing and waits until all that was asked for is healthy. */
  up(): Promise<void>
  /** Removes containers, networks, volumes and the images built. */
  down(): Promise<void>
}

/** Builds the images, starts the topology and waits until it is healthy. The caller disposes of it: `await using`. */
export async function openTopology(options: TopologyOptions): Promise<Topology> {
  const { name, services = [], profiles = [], signal } = options
  await removeLeftovers()
  const project = testProject(name)
  const port = await freePort()
  const identity = { name: project, profiles, env: { ...options.env, WEB_PORT: String(port) } }
  const running = openProject({ ...identity, signal })
  // Removal is what an interruption asks for, so it is not interrupted.
  const removing = openProject(identity)
  const scale = Object.entries(options.scale ?? {}).flatMap(([service, count]) => ['--scale', `${service}=${count}`])

  async function down(): Promise<void> {
    const remove = () => removing.compose('down', '--volumes', '--remove-orphans', '--rmi', 'all', '--timeout', '0')
    // Ctrl-C reaches every process of a terminal, so this one too.
    await remove().catch(remove)
  }

  const topology: Topology = {
    ...running,
    project,
    url: `http://127.0.0.1:${port}`,
    up: async () => void (await running.compose('up', '--build', '--wait', ...scale, ...services)),
    down,
    [Symbol.asyncDispose]: down,
  }
  try {
    await topology.up()
  } catch (error) {
    await down()
    throw error
  }
  return topology
}

/** A port of this machine that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
