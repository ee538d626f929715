import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { repositoryRoot } from '@repo/compose'
import { CliError, messageOf } from '@repo/ops/cli.ts'
import { git } from '../checkout.ts'
import { type Answers, recordFile } from '../record.ts'
import { generated } from '../regenerate.ts'

/** Which version to make a project of, and where. */
interface Source {
  readonly upstream: string
  readonly commit: string
  readonly folder: string
  readonly answers: Answers
  /** The commit before. @default none */
  readonly base?: string
}

/**
 * Makes a project of a version, with the `init` of that version, and commits it to the fetched repository. What is
 * generated is as in this checkout, so that it is never in conflict.
 *
 * @returns the commit.
 * @throws {CliError} if that version cannot be made a project.
 */
export async function commitProject({ upstream, commit, folder, answers, base }: Source): Promise<string> {
  await git(upstream, 'worktree', 'add', '--quiet', '--detach', folder, commit)
  const module = pathToFileURL(join(folder, 'packages/generate/src/init/adopt.ts')).href
  try {
    const { adopt } = (await import(module)) as { adopt(root: string, answers: Answers): Promise<void> }
    await adopt(folder, answers)
  } catch (error) {
    throw new CliError(`No project can be made of ${commit}: ${messageOf(error)}`)
  }
  const biome = join(repositoryRoot, 'node_modules/.bin/biome')
  // It formats as `npm run init` does; what it reports of that version is of no interest here.
  await promisify(execFile)(biome, ['check', '--write'], { cwd: folder }).catch(() => {})
  for (const file of [...generated, recordFile]) {
    await rm(join(folder, file), { force: true })
    if (existsSync(join(repositoryRoot, file))) await cp(join(repositoryRoot, file), join(folder, file))
  }
  await git(folder, 'add', '--all')
  const tree = await git(folder, 'write-tree')
  const identity = ['-c', 'user.name=upgrade', '-c', 'user.email=upgrade@localhost']
  const parent = base === undefined ? [] : ['-p', base]
  return git(folder, ...identity, 'commit-tree', tree, ...parent, '-m', commit.slice(0, 12))
}
