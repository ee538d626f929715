// `npm run compatibility [-- REF]`: what of this checkout breaks the release before, the commit REF, or its clients.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { repositoryRoot } from '@repo/compose'
import { startMysql } from '@repo/compose/testing'
import { loadMigrations, type Migration, MigrationError } from '@repo/db'
import { CliError, interruption, runCli } from '@repo/ops/cli.ts'
import { type BrokenPlace, compareContracts } from './compatibility/contract.ts'
import { matchDeclarations } from './compatibility/declarations.ts'
import { deployOver } from './compatibility/deployment.ts'
import { compareFiles, judgeMigrations, newOnes, type RefusedMigration } from './compatibility/migrations.ts'
import { checkOut, findReleaseBefore, installPackages, migrationsFolder } from './compatibility/release.ts'
import { runTestsOnNewSchema } from './compatibility/release-tests.ts'

const contractFile = 'apps/app/src/http/openapi.json'
const changelogFile = 'CHANGELOG.md'

await runCli(async () => {
  const { positionals } = parseArgs({ allowPositionals: true, options: {} })
  if (positionals.length > 1) throw new CliError('Usage: npm run compatibility [-- REF]')
  const commit = await findReleaseBefore(repositoryRoot, positionals[0])
  console.log(`The release before is ${commit}`)
  const signal = interruption()
  try {
    await using release = await checkOut(repositoryRoot, commit)
    await check(release.folder, signal)
  } catch (error) {
    if (signal.aborted) throw new CliError('Interrupted.', 130)
    throw error instanceof MigrationError ? new CliError(error.message) : error
  }
})

async function check(folder: string, signal: AbortSignal): Promise<void> {
  for (const path of [contractFile, migrationsFolder]) {
    if (!existsSync(join(folder, path))) throw new CliError(`The release before has no ${path}: name a later commit.`)
  }
  const [before, after] = [await loadMigrations(urlOf(folder)), await loadMigrations()]
  const added = newOnes(before, after)
  const { undeclared, stale } = matchDeclarations(
    compareContracts(await readContract(folder), await readContract(repositoryRoot)),
    { before: await readChangelog(folder), after: await readChangelog(repositoryRoot) },
  )
  const refused = compareFiles(before, after)
  // A server would refuse those as well.
  if (refused.length === 0 && added.length > 0) refused.push(...(await judge(before, after)))
  signal.throwIfAborted()
  const problems = [...refused.map(describeMigration), ...undeclared.map(describePlace), ...stale.map(describeStale)]
  if (problems.length > 0) throw new CliError(problems.join('\n✗ '))
  console.log(`✓ No client breaks but by what ${changelogFile} declares: ${contractFile}`)
  if (added.length === 0) {
    console.log('✓ There is no new migration')
    return
  }
  console.log(`✓ No statement breaks the release before: ${added.map(({ name }) => name).join(', ')}`)
  await installPackages(repositoryRoot, folder, signal)
  await deploy(folder, signal)
  console.log('Running the tests of the release before on the new schema')
  await runTestsOnNewSchema(folder, signal)
  console.log('✓ The release before works on the new schema')
}

function urlOf(folder: string): URL {
  return pathToFileURL(`${join(folder, migrationsFolder)}/`)
}

async function readContract(folder: string): Promise<unknown> {
  return JSON.parse(await readFile(join(folder, contractFile), 'utf8'))
}

/** Empty if there is none. */
async function readChangelog(folder: string): Promise<string> {
  const file = join(folder, changelogFile)
  return existsSync(file) ? readFile(file, 'utf8') : ''
}

async function judge(before: readonly Migration[], after: readonly Migration[]): Promise<RefusedMigration[]> {
  console.log('Applying the new migrations to the schema of the release before')
  await using mysql = await startMysql()
  const { host, port, database } = mysql
  const connection = { host, port, user: 'migrator', password: await mysql.password('migrator') }
  return await judgeMigrations({ connection, database }, before, after)
}

async function deploy(folder: string, signal: AbortSignal): Promise<void> {
  const checks = await deployOver(folder, signal).catch((error: unknown) => {
    if (signal.aborted || !(error instanceof Error)) throw error
    throw new CliError(`The deployment over the release before failed. ${error.message}`)
  })
  const failed = checks.filter(({ ok }) => !ok)
  if (failed.length > 0) {
    throw new CliError(failed.map(({ promise, measured }) => `${promise}: ${measured}`).join('\n✗ '))
  }
  for (const { promise, measured } of checks) console.log(`✓ ${promise}: ${measured}`)
}

function describeMigration({ name, statement, findings }: RefusedMigration): string {
  const reasons = findings.map(({ object, problem, wayOut }) => `  ${object}: ${problem}.\n    ${wayOut}`)
  return [`${name} breaks the release before:`, statement.replaceAll(/^/gm, '    '), ...reasons].join('\n')
}

function describePlace({ place, problem }: BrokenPlace): string {
  const wayOut = [
    'Leave it as it is, and add what is new under another name or path.',
    `Or, if the break is intended, declare it in ${changelogFile}: - **Breaking:** \`${place}\` WHY, AND WHAT TO DO.`,
  ]
  return [`A client of the release before breaks. ${place}: ${problem}.`, ...wayOut].join('\n    ')
}

function describeStale(place: string): string {
  return `${changelogFile} declares a break of '${place}', which does not break. Correct the place, or remove the backticks.`
}
