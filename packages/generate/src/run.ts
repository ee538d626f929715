import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { repositoryRoot } from '@repo/compose'
import { CliError } from '@repo/ops/cli.ts'

/** Runs a program at the root, until the signal is aborted. @throws {CliError} with everything that it printed. */
export async function run(signal: AbortSignal, program: string, ...args: readonly string[]): Promise<void> {
  const options = { cwd: repositoryRoot, signal, maxBuffer: 64 * 1024 ** 2 }
  await promisify(execFile)(program, [...args], options).catch(({ message, stdout, stderr }) => {
    throw new CliError(`${signal.aborted ? 'Interrupted' : message}\n${stdout ?? ''}${stderr ?? ''}`)
  })
}
