import {
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
  execFile,
  type SpawnOptions,
  spawn,
} from 'node:child_process'

/** Options of one `docker` command. */
export interface DockerOptions {
  /** @default that of this process */
  readonly cwd?: string | undefined
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** After this time the command is killed. @default no limit */
  readonly timeoutMs?: number | undefined
  /** Once aborted, the command is killed. The promise settles when it has ended. @default never */
  readonly signal?: AbortSignal | undefined
  /** Standard input. @default empty */
  readonly input?: string | undefined
}

/** A `docker` command failed, or Docker is not installed. The message contains what it wrote to standard error. */
export class DockerError extends Error {
  override readonly name = 'DockerError'
  readonly stdout: string
  readonly stderr: string

  constructor(message: string, { stdout, stderr, cause }: { stdout: string; stderr: string; cause: unknown }) {
    super(message, { cause })
    this.stdout = stdout
    this.stderr = stderr
  }
}

/** More than the logs of any test run. */
const maxBuffer = 1024 ** 3

/** Runs `docker` and resolves with both outputs. @throws {DockerError} */
export async function dockerOutput(
  args: readonly string[],
  options: DockerOptions = {},
): Promise<{ stdout: string; stderr: string }> {
  const { cwd, env, timeoutMs, signal, input = '' } = options
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const child = execFile(
      'docker',
      args,
      { cwd, env: { ...process.env, ...env }, timeout: timeoutMs, maxBuffer },
      (error, stdout, stderr) => {
        signal?.removeEventListener('abort', end)
        if (error === null) return resolve({ stdout, stderr })
        const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
        const message = missing
          ? 'Docker is not installed. `npm start` installs it.'
          : `docker ${args.join(' ')}: ${stderr.trim() || error.message}`
        reject(new DockerError(message, { stdout, stderr, cause: error }))
      },
    )
    const end = () => void child.kill()
    signal?.addEventListener('abort', end)
    child.stdin?.on('error', () => {}).end(input)
  })
}

/** Runs `docker` and resolves with its trimmed standard output. @throws {DockerError} */
export async function docker(args: readonly string[], options?: DockerOptions): Promise<string> {
  return (await dockerOutput(args, options)).stdout.trim()
}

/** The address of the engine, as DOCKER_HOST or the current context has it. */
export async function engineAddress(): Promise<string> {
  return process.env.DOCKER_HOST || docker(['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'])
}

/** Starts `docker` without waiting for it; the caller ends it. */
export function spawnDocker(args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  return spawn('docker', args, options)
}

/** Starts a command in a container, with pipes to it; the caller ends it. */
export const spawnIn = (container: string, args: readonly string[]): ChildProcessWithoutNullStreams =>
  spawn('docker', ['exec', '--interactive', container, ...args])
