// `npm run init -- NAME [--keep-times]`: makes a fresh clone the owner's project, in one commit.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { repositoryRoot } from '@repo/compose'
import { CliError, interruption, messageOf, runCli } from '@repo/ops/cli.ts'
import { checkCheckout, git } from './checkout.ts'
import { adopt } from './init/adopt.ts'
import { checkProductName } from './init/check-product-name.ts'
import { productNames } from './init/product-names.ts'
import { type Answers, recordFile, withoutCredentials, writeRecord } from './record.ts'
import { regenerate } from './regenerate.ts'
import { run } from './run.ts'

const usage = 'Usage: npm run init -- NAME [--keep-times]\n  For example: npm run init -- acme'

await runCli(async () => {
  const options = { 'keep-times': { type: 'boolean', default: false } } as const
  const { values, positionals } = parseArgs({ allowPositionals: true, options })
  const [name, ...others] = positionals
  if (name === undefined || others.length > 0) throw new CliError(usage)
  checkProductName(name, await readFile(join(repositoryRoot, 'package-lock.json'), 'utf8'))
  await checkCheckout()
  await checkCommitter()
  const answers: Answers = { name, keepTimes: values['keep-times'] }
  console.log(plan(answers))
  const signal = interruption()
  try {
    await makeProject(signal, answers)
  } catch (error) {
    // Nothing but this command's changes: before it everything was committed.
    await git(repositoryRoot, 'reset', '--hard', '--quiet')
    await git(repositoryRoot, 'clean', '--force', '-d', '--quiet')
    throw new CliError(`Nothing was changed. ${messageOf(error)}`)
  }
  await markInstalled(signal)
  console.log(`✓ ${name} is yours: git show --stat. Next: npm run generate -- resource …, npm test, npm start.`)
})

/** @throws {CliError} if Git would refuse to commit. */
async function checkCommitter(): Promise<void> {
  await git(repositoryRoot, 'var', 'GIT_COMMITTER_IDENT').catch(() => {
    throw new CliError('Git does not know who commits: git config --global user.name NAME, and user.email ADDRESS.')
  })
}

function plan({ name, keepTimes }: Answers): string {
  const { title, pascal } = productNames(name)
  const steps = [
    `name it ${name} (package), ${title} (page, documents) and ${pascal} (stacks, metrics)`,
    'write a new README.md and CHANGELOG.md; LICENSE stays',
    keepTimes
      ? 'keep the times'
      : 'remove the times: endpoints, table, page, tests, benchmark and what was measured with them',
    'remove what only concerns the repository that this was cloned from',
    'update package-lock.json, the OpenAPI document, docs/configuration.md and the template of the CDK app',
    `record in ${recordFile} what it was made from, for npm run upgrade`,
    'commit all of it as one commit',
  ]
  return `This makes the checkout a project of your own:\n${steps.map((step) => `  - ${step}`).join('\n')}`
}

async function makeProject(signal: AbortSignal, answers: Answers): Promise<void> {
  const head = await git(repositoryRoot, 'rev-parse', 'HEAD')
  // What was committed here since it was cloned is the owner's.
  const commit = await git(repositoryRoot, 'merge-base', 'HEAD', 'refs/remotes/origin/HEAD').catch(() => head)
  const tree = await git(repositoryRoot, 'rev-parse', `${commit}^{tree}`)
  const repository = await git(repositoryRoot, 'remote', 'get-url', 'origin').then(withoutCredentials, () => undefined)
  await adopt(repositoryRoot, answers)
  await writeRecord(repositoryRoot, { repository, commit, tree, answers })
  await run(signal, 'npx', 'biome', 'check', '--write')
  await regenerate(signal)
  await git(repositoryRoot, 'add', '--all')
  await git(repositoryRoot, 'commit', '--quiet', `--message=chore: make it ${answers.name}`)
}

/** What is installed has all that the lockfile still names: the set-up has nothing to install. */
async function markInstalled(signal: AbortSignal): Promise<void> {
  // In a copy of a checkout it is a link to the original's.
  const script = '. scripts/setup/dependencies.sh && rm -f "$INSTALLED" && wanted_packages >"$INSTALLED"'
  await run(signal, 'bash', '--norc', '-c', script)
}
