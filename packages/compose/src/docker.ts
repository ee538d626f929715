import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'

/** How one `docker` command runs. */
export interface DockerOptions {
  /** @default this process's own */
  readonly cwd?: string | undefined
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** When it is ended. @default never */
  readonly timeoutMs?: number | undefined
  /** Once aborted, the command is ended. The promise settles when it has ended. @default never */
  readonly signal?: AbortSignal | undefined
  /** Its standard input. @default empty */
  readonly input?: string | undefined
}

/** A `docker` command failed, or there is no such program. The message is what the command wrote to standard error. */
export class DockerError extends Error {
  override readonly name = 'DockerError'
  /** Both outputs, as far as there were any. */
  readonly stdout: string
  readonly stderr: string

  constructor(message: string, { stdout, stderr, cause }: { stdout: string; stderr: string; cause: unknown }) {
    super(message, { cause })
    this.stdout = stdout
    this.stderr = stderr
  }
}

/** More than any log of a test run. */
const maxBuffer = 1024 ** 3

/** Runs `docker`; resolves with both its outputs. @throws {DockerError} */
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

/** Runs `docker`; resolves with its standard output without white space around it. @throws {DockerError} */
export async function docker(args: readonly string[], options?: DockerOptions): Promise<string> {
  return (await dockerOutput(args, options)).stdout.trim()
}

/** Starts `docker` for whoever reads its output while it runs; the caller ends it. */
export function spawnDocker(args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  return spawn('docker', args, options)
}
