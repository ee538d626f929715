import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The folder that holds compose.yaml. */
export const repositoryRoot: string = join(import.meta.dirname, '../../..')

/** The boxes that keep running, in the order of the diagram. */
export const boxes: readonly string[] = ['alb', 'web', 'nlb', 'app', 'db-writer', 'db-reader']

/** A container of the topology. */
export interface Container {
  readonly id: string
  readonly service: string
  /** Its service and number, as Compose shows them: `app-1`. */
  readonly instance: string
  /** `running`, `exited`, … */
  readonly state: string
  /** `healthy`, `unhealthy`, `starting`; empty where nothing is checked. */
  readonly health: string
  /** In words: `Up 3 minutes (healthy)`. */
  readonly status: string
}

/** What a person is told instead of a stack trace. */
export class Complaint extends Error {
  override readonly name = 'Complaint'
}

/** Runs `docker` with a deadline, and gives its standard output. @throws its standard error. */
export async function docker(args: readonly string[], timeoutMs = 60_000): Promise<string> {
  try {
    return (await run('docker', args, { cwd: repositoryRoot, timeout: timeoutMs, maxBuffer: 1024 ** 3 })).stdout
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string }
    if (code === 'ENOENT') throw new Complaint('Docker is not on this machine. `npm start` supplies it.')
    throw new Complaint(stderr?.trim() || String(error))
  }
}

/** Every container of the topology, also stopped ones, in the order of the diagram. */
export async function containers(): Promise<Container[]> {
  const output = (await docker(['compose', '--profile', 'observe', 'ps', '--all', '--format', 'json'])).trim()
  // Compose before 2.21 prints one list, later ones an object a line.
  const listed: Record<string, string>[] = output.startsWith('[')
    ? JSON.parse(output)
    : output.split('\n').flatMap((line) => (line ? [JSON.parse(line)] : []))
  // What is no box comes last.
  const rank = (service: string) => boxes.indexOf(service) >>> 0
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

/** Those of {@link containers} that run. @throws {Complaint} when none does. */
export async function runningContainers(): Promise<Container[]> {
  const running = (await containers()).filter(({ state }) => state === 'running')
  if (running.length === 0) throw new Complaint('Nothing is running. `npm start` starts it.')
  return running
}

/** Runs a command's main function; a {@link Complaint} of it is printed, and the status is 1. */
export async function command(main: () => Promise<void>): Promise<void> {
  try {
    await main()
  } catch (error) {
    if (!(error instanceof Complaint)) throw error
    console.error(`✗ ${error.message}`)
    process.exitCode = 1
  }
}

/** Aborted when this process is told to end, by Ctrl-C for instance; it then does not end by itself. */
export function interrupted(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => controller.abort())
  return controller.signal
}
