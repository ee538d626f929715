import { once } from 'node:events'
import { basename, delimiter } from 'node:path'
import { createInterface } from 'node:readline/promises'
import {
  type Container,
  composeFiles,
  DockerError,
  openProject,
  type Project,
  type ProjectOptions,
} from '@repo/compose'

/** An error that a command reports by its message alone; the message says what to do. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: number

  constructor(message: string, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/** What an error says, without its stack. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Runs a command's main function. An expected error is printed without its stack, and the exit code is 1 or its own. */
export async function runCli(main: () => Promise<void>): Promise<void> {
  try {
    await main()
  } catch (error) {
    if (!(error instanceof CliError || error instanceof DockerError || isInvalidArgument(error))) throw error
    console.error(`✗ ${error.message}`)
    process.exitCode = error instanceof CliError ? error.exitCode : 1
  }
}

/** True for what `parseArgs` throws. */
const isInvalidArgument = (error: unknown): error is Error =>
  error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')

/**
 * The project of this checkout; a light one with its own settings.
 *
 * @throws {CliError} when its containers belong to another checkout.
 */
export async function openOwnProject(options: Pick<ProjectOptions, 'profiles'> = {}): Promise<Project> {
  const project = openProject(options)
  const [folder] = await project.otherCheckouts()
  if (folder !== undefined) {
    throw new CliError(
      `The Compose project of this checkout belongs to another one: ${folder}\n` +
        '  Give this checkout a project of its own: set COMPOSE_PROJECT_NAME in .env or the environment.',
    )
  }
  const isLight = (files: readonly string[]) => files.some((file) => basename(file) === 'compose.light.yaml')
  if (!isLight(await project.filesOf('db-writer'))) return project
  const files = composeFiles()
  if (isLight(files)) return project
  const lightFiles = [...files, 'compose.light.yaml'].join(delimiter)
  return openProject({ ...options, env: { COMPOSE_FILE: lightFiles, COMPOSE_PATH_SEPARATOR: delimiter } })
}

/**
 * Asks before something that cannot be undone.
 *
 * @param yes agreed in advance, by `--yes`.
 * @throws {CliError} if the answer is no; without a terminal, with the exit code 2.
 */
export async function confirm(question: string, yes: boolean): Promise<void> {
  if (yes) return
  if (!process.stdin.isTTY)
    throw new CliError(`${question}\n  Without a terminal this needs --yes. After npm run NAME: -- --yes`, 2)
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await terminal.question(`${question} (y/N) `)
  terminal.close()
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError('Nothing was changed.')
}

/** Runs `docker compose` with its output on the terminal. @throws {CliError} if it fails. */
export async function runCompose(project: Project, step: string, ...args: readonly string[]): Promise<void> {
  console.log(step)
  const [code] = await once(project.spawn(args, { stdio: 'inherit' }), 'close')
  if (code !== 0) throw new CliError(`${step} failed.`)
}

/** Every container of the topology, in the order of the diagram. @throws {CliError} when there is none. */
export async function listContainers(project: Project): Promise<Container[]> {
  const containers = await project.list()
  if (containers.length === 0) throw new CliError('No containers found. `npm start` starts the topology.')
  return containers
}

/** Aborted when this process receives SIGINT, SIGTERM or SIGHUP, which then do not end it. */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => controller.abort())
  return controller.signal
}

/** The part of a published address that is `localhost` for a browser on this machine. */
export const thisMachine = /^(0\.0\.0\.0|127\.[\d.]+|\[::1?\]):/
