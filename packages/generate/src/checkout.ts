import { execFile } from 'node:child_process'
import { realpath } from 'node:fs/promises'
import { promisify } from 'node:util'
import { repositoryRoot } from '@repo/compose'
import { CliError } from '@repo/ops/cli.ts'

/** Runs Git in a folder, whoever owns it, and resolves with what it prints. @throws {CliError} with its message. */
export async function git(folder: string, ...args: readonly string[]): Promise<string> {
  const options = { cwd: folder, maxBuffer: 64 * 1024 ** 2 }
  return promisify(execFile)('git', ['-c', 'safe.directory=*', ...args], options).then(
    ({ stdout }) => stdout.trimEnd(),
    ({ stderr, message }) => {
      throw new CliError(`git ${args[0]}: ${String(stderr ?? message).trim()}`)
    },
  )
}

/** @throws {CliError} unless this is the root of a Git checkout in which everything is committed. */
export async function checkCheckout(): Promise<void> {
  const root = await git(repositoryRoot, 'rev-parse', '--show-toplevel').catch(() => undefined)
  if (root === undefined || (await realpath(root)) !== (await realpath(repositoryRoot))) {
    throw new CliError(`${repositoryRoot} is not the root of a Git checkout. Clone it, or: git init, and commit it.`)
  }
  const changes = await git(repositoryRoot, 'status', '--porcelain', '--untracked-files=all')
  if (changes !== '') {
    throw new CliError(`There are changes that are not committed. Commit or stash them first:\n${changes}`)
  }
}
