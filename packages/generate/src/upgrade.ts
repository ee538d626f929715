// `npm run upgrade [-- REPOSITORY] [REF]`: brings a later version of what this project was made from into it.
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { repositoryRoot } from '@repo/compose'
import { CliError, interruption, messageOf, runCli } from '@repo/ops/cli.ts'
import { newBreakingEntries } from './changelog.ts'
import { checkCheckout, git } from './checkout.ts'
import { hasRecord, readRecord, recordFile, type Upstream, withoutCredentials, writeRecord } from './record.ts'
import { regenerate } from './regenerate.ts'
import { run } from './run.ts'
import { commitProject } from './upgrade/project.ts'
import { findCommit, openUpstream } from './upgrade/upstream.ts'

const lockfile = 'package-lock.json'

await runCli(async () => {
  const { positionals } = parseArgs({ allowPositionals: true })
  const [given, ...others] = positionals.filter(isRepository)
  const [ref = 'HEAD', ...otherRefs] = positionals.filter((text) => !isRepository(text))
  if (others.length + otherRefs.length > 0) throw new CliError('Usage: npm run upgrade [-- REPOSITORY] [REF]')
  if (!hasRecord(repositoryRoot)) {
    throw new CliError(`There is no ${recordFile}: only a project that npm run init has made can be upgraded.`)
  }
  await checkCheckout()
  const made = await readRecord(repositoryRoot)
  const repository = given === undefined ? made.repository : address(given)
  if (repository === undefined) {
    throw new CliError(`${recordFile} has no address. Give one: npm run upgrade -- REPOSITORY`)
  }
  const signal = interruption()
  const folder = await mkdtemp(join(tmpdir(), 'upgrade-'))
  try {
    const upstream = await openUpstream(repository, join(folder, 'upstream'))
    await upgrade(signal, { ...made, repository: withoutCredentials(repository) }, ref, upstream)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

/** No branch or tag begins so or has a colon. */
function isRepository(text: string): boolean {
  return /^[./]|:/.test(text)
}

/** A folder may be named from where npm was called. */
function address(given: string): string {
  const folder = resolve(process.env.INIT_CWD ?? '.', given)
  return existsSync(folder) ? folder : given
}

async function upgrade(
  signal: AbortSignal,
  made: Upstream & { readonly repository: string },
  ref: string,
  upstream: string,
): Promise<void> {
  const from = await findCommit(upstream, made)
  const to = await git(upstream, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`).catch(
    () => {
      throw new CliError(`${made.repository} has no branch, tag or commit '${ref}'.`)
    },
  )
  const known = await git(upstream, 'merge-base', to, from).then(
    (base) => base === to,
    () => false,
  )
  if (known) return console.log(`✓ This project has everything of ${to.slice(0, 12)} already.`)

  console.log(`Merging the changes from ${from.slice(0, 12)} to ${to.slice(0, 12)} of ${made.repository}`)
  const base = await commitProject({ upstream, commit: from, folder: `${upstream}-from`, answers: made.answers })
  const changed = await commitProject({ upstream, commit: to, folder: `${upstream}-to`, answers: made.answers, base })
  await git(upstream, 'update-ref', 'refs/upgrade/to', changed)
  await git(repositoryRoot, 'fetch', '--quiet', '--no-tags', '--no-write-fetch-head', upstream, 'refs/upgrade/to')
  const merge = await git(repositoryRoot, 'cherry-pick', '--no-commit', changed).catch((error: unknown) => error)
  if (merge instanceof Error && (await conflicts()).length === 0) throw merge
  const tree = await git(upstream, 'rev-parse', `${to}^{tree}`)
  await writeRecord(repositoryRoot, { ...made, commit: to, tree })
  await git(repositoryRoot, 'add', recordFile)

  const [before, after] = await Promise.all(
    [from, to].map((commit) => git(upstream, 'show', `${commit}:CHANGELOG.md`).catch(() => '')),
  )
  const breaking = newBreakingEntries(before ?? '', after ?? '')
  if (breaking.length > 0) console.log(`\nBreaking changes:\n${breaking.map((entry) => `  - ${entry}`).join('\n')}\n`)
  await complete(signal)
}

async function conflicts(): Promise<string[]> {
  const files = await git(repositoryRoot, 'diff', '--name-only', '--diff-filter=U')
  return files.split('\n').filter(Boolean)
}

/** Writes anew what is generated. @throws {CliError} with what is left to do, if there are conflicts. */
async function complete(signal: AbortSignal): Promise<void> {
  const files = await conflicts()
  const others = files.filter((file) => file !== lockfile)
  if (others.length > 0) {
    throw new CliError(
      `The changes are merged, but for conflicts in:\n${files.map((file) => `  ${file}`).join('\n')}\n` +
        '  Edit them, then go on as docs/upgrading.md says. To give up the upgrade: git reset --hard',
    )
  }
  try {
    if (files.length > 0) {
      await git(repositoryRoot, 'checkout', '--ours', lockfile)
      await run(signal, 'npm', 'install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund')
    }
    await run(signal, 'bash', '--norc', 'scripts/setup.sh', 'dependencies')
    await regenerate(signal)
  } catch (error) {
    throw new CliError(
      'The changes are merged. What is generated is not: see docs/upgrading.md. To give up the upgrade: git reset --hard\n' +
        messageOf(error),
    )
  }
  await git(repositoryRoot, 'add', '--all')
  console.log('✓ Merged and staged. Next: git diff --staged, npm test, git commit. To give up: git reset --hard')
}
