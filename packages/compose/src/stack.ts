import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { repositoryRoot } from './repository.ts'

const run = promisify(execFile)
const never = new AbortController().signal

/** What to bring up. */
export interface StackOptions {
  /** The Compose project: containers, networks and volumes bear its name. Never the user's own, `three-tier`. */
  readonly project: string
  /** The port on this machine at which its ALB listens. */
  readonly port: number
  /** For Compose, over this process's environment: any variable of `.env.example`. */
  readonly env?: Readonly<Record<string, string>>
  /** Containers by service. @default as compose.yaml says */
  readonly scale?: Readonly<Record<string, number>>
  /** Only these, and what they depend on. @default all */
  readonly services?: readonly string[]
  /** Profiles of compose.yaml to be brought up as well. @default none */
  readonly profiles?: readonly string[]
  /** Once aborted, what is under way is ended and nothing more is done but {@link Stack.down}. @default never */
  readonly signal?: AbortSignal
}

/** The composed topology, running and healthy. */
export interface Stack extends AsyncDisposable {
  /** The ALB's address, without a slash at the end. */
  readonly url: string
  readonly project: string
  /** Runs `docker compose` on this project and gives its standard output. @throws its standard error. */
  compose(...args: string[]): Promise<string>
  /** Runs a command in a service's first container and gives its standard output. @throws its standard error. */
  exec(service: string, args: readonly string[]): Promise<string>
  /** Runs SQL as root on `db-writer` or `db-reader`: a line a row, columns apart by tabs. @throws what the server says. */
  sql(service: string, statement: string): Promise<string>
  /** The ids of a service's containers, also of stopped ones; empty if none. */
  containers(service: string): Promise<string[]>
  /** What a service's containers have written, without their names. */
  logs(service: string): Promise<string>
  /** Starts what is missing and waits until all that `openStack` was asked for is healthy. */
  up(): Promise<void>
  /** Removes containers, networks, volumes and the images built. */
  down(): Promise<void>
}

/** Builds the images, starts the topology and waits until it is healthy. The caller disposes of it: `await using`. */
export async function openStack(options: StackOptions): Promise<Stack> {
  const { project, port, services = [], profiles = [], signal } = options
  const env = { ...process.env, ...options.env, WEB_PORT: String(port) }
  const scale = Object.entries(options.scale ?? {}).flatMap(([service, count]) => ['--scale', `${service}=${count}`])

  async function inProject(args: readonly string[], until = signal): Promise<{ stdout: string; stderr: string }> {
    until?.throwIfAborted()
    const shown = profiles.flatMap((profile) => ['--profile', profile])
    const words = ['compose', '--project-name', project, ...shown, ...args]
    const running = run('docker', words, { cwd: repositoryRoot, env, maxBuffer: 256 * 1024 * 1024 })
    const end = () => void running.child.kill()
    until?.addEventListener('abort', end)
    try {
      // Also when it is told to end: what it still does then must not cross with what comes next.
      return await running
    } catch (error) {
      throw new Error(`docker ${words.join(' ')}: ${(error as { stderr?: string }).stderr || error}`, { cause: error })
    } finally {
      until?.removeEventListener('abort', end)
    }
  }

  const stack: Stack = {
    url: `http://127.0.0.1:${port}`,
    project,
    compose: async (...args) => (await inProject(args)).stdout,
    exec: async (service, args) => (await inProject(['exec', '--no-TTY', service, ...args])).stdout,
    sql: async (service, statement) =>
      (await stack.exec(service, ['mysql', '--batch', '--skip-column-names', '-e', statement])).trimEnd(),
    containers: async (service) =>
      (await inProject(['ps', '--all', '--quiet', service])).stdout.split('\n').filter(Boolean),
    async logs(service) {
      const { stdout, stderr } = await inProject(['logs', '--no-color', '--no-log-prefix', service])
      return stdout + stderr
    },
    up: async () => void (await inProject(['up', '--build', '--wait', ...scale, ...services])),
    async down() {
      const remove = () => inProject(['down', '--volumes', '--remove-orphans', '--rmi', 'all', '--timeout', '0'], never)
      // Ctrl-C reaches everything that runs in a terminal, so this too; but it is what was meant.
      await remove().catch(remove)
    },
    [Symbol.asyncDispose]: () => stack.down(),
  }

  // What an interrupted run may have left.
  await stack.down()
  try {
    await stack.up()
  } catch (error) {
    await stack.down()
    throw error
  }
  return stack
}
