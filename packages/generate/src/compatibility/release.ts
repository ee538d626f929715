import { type ExecFileOptions, execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { linkInstalledPackages } from '@repo/compose/testing'
import { CliError } from '@repo/ops/cli.ts'
import { git } from '../checkout.ts'

export const migrationsFolder = 'packages/db/migrations'

/**
 * The commit of the release before: `ref`, or the newest commit before the newest migration.
 *
 * @throws {CliError} if there is none.
 */
export async function findReleaseBefore(root: string, ref?: string): Promise<string> {
  if (ref !== undefined) return (await commitOf(root, ref)) ?? fail(root, `Unknown commit '${ref}'`)
  const files = (await readdir(join(root, migrationsFolder))).filter((file) => file.endsWith('.sql'))
  const paths = files.map((file) => `${migrationsFolder}/${file}`)
  const committed = (await git(root, 'ls-tree', '--name-only', 'HEAD', `${migrationsFolder}/`)).split('\n')
  if (paths.some((path) => !committed.includes(path))) return git(root, 'rev-parse', 'HEAD')
  // The newest by its commit: one of a later version has a lower number than those of the project.
  const log = ['log', '-1', '--no-renames', '--diff-filter=A', '--format=%H', '--name-only', '--', ...paths]
  const [added, ...names] = (await git(root, ...log)).split(/\n+/)
  return (await commitOf(root, `${added}^`)) ?? fail(root, `No commit is before ${basename(names.at(-1) ?? '')}`)
}

/** Its files, in a folder of their own. */
export interface Checkout extends AsyncDisposable {
  readonly folder: string
}

/** Checks a commit out as a worktree, with the settings of this checkout. The caller disposes of it: `await using`. */
export async function checkOut(root: string, commit: string): Promise<Checkout> {
  const folder = await mkdtemp(join(tmpdir(), 'release-before-'))
  await git(root, 'worktree', 'add', '--quiet', '--detach', folder, commit)
  if (existsSync(join(root, '.env'))) await cp(join(root, '.env'), join(folder, '.env'))
  return {
    folder,
    async [Symbol.asyncDispose]() {
      await git(root, 'worktree', 'remove', '--force', folder)
    },
  }
}

/** Installs the packages of a checkout of {@link checkOut}: those that are installed here, if they are the same. */
export async function installPackages(root: string, folder: string, signal: AbortSignal): Promise<void> {
  if ((await packagesOf(folder)) === (await packagesOf(root))) await linkInstalledPackages(folder)
  else await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, signal })
}

/** The packages that a checkout installs from elsewhere, with their versions. */
async function packagesOf(folder: string): Promise<string> {
  const { packages } = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8'))
  const installed = Object.entries<{ link?: boolean }>(packages)
  return JSON.stringify(installed.filter(([path, { link }]) => path.includes('node_modules/') && !link))
}

const commitOf = (root: string, ref: string) =>
  git(root, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`).catch(() => undefined)

async function fail(root: string, problem: string): Promise<never> {
  const isShallow = (await git(root, 'rev-parse', '--is-shallow-repository')) === 'true'
  const wayOut = isShallow
    ? 'This clone lacks the history: git fetch --unshallow.'
    : 'Name the release before: npm run compatibility -- REF.'
  throw new CliError(`${problem}. ${wayOut}`)
}

/** Resolves with what a program prints. @throws {CliError} with its errors. */
async function run(program: string, args: readonly string[], options: ExecFileOptions): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, [...args], options)
    return String(stdout).trim()
  } catch (error) {
    throw new CliError(`${program} ${args[0]} failed: ${(error as { stderr: string }).stderr.trim()}`)
  }
}
