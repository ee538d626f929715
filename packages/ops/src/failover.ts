import { parseArgs } from 'node:util'
import { docker, type Project, waitFor } from '@repo/compose'
import { CliError, confirm, openOwnProject, runCli } from './cli.ts'
import {
  type Database,
  describeLack,
  executedTransactions,
  isSubset,
  readState,
  request,
  requireReader,
  setEndpointNames,
  startDatabases,
  waitForState,
  waitUntilDecided,
} from './databases.ts'

// Each step looks at what is, so the command can be run again after an interruption at any point.
await runCli(async () => {
  const { yes = false } = parseArgs({ options: { yes: { type: 'boolean' } } }).values
  const project = await openOwnProject()
  await requireReader(project)
  await project.compose('up', '--detach', '--no-recreate', '--no-deps', 'db-reader')
  const { current } = await waitUntilDecided(project, 'db-reader')

  if (current === undefined) await chooseCompleteCopy(project)
  else if (current === 'db-writer') await replaceWriter(project, yes)
  else await recoverReader(project, yes)

  const after = await waitForState(project, 'db-reader', (state) => state.current !== undefined)
  const server = after.current ?? 'db-reader'
  console.log(`Moving the endpoint names to ${server}`)
  await setEndpointNames(project, 'db-reader', server === 'db-reader' ? ['db-writer', 'db-reader'] : ['db-reader'])
  console.log(`✓ ${server} accepts writes, epoch ${after.epoch}. To return to two servers: npm run rejoin`)
})

async function replaceWriter(project: Project, yes: boolean): Promise<void> {
  const { epoch, dataEpoch } = await waitForState(
    project,
    'db-reader',
    ({ mode }) => mode === 'replica' || mode === 'diverged',
    60_000,
  )
  const isStale = dataEpoch < epoch
  if (isStale) {
    await confirm(
      `db-reader has data of epoch ${dataEpoch}; the current epoch is ${epoch}. Rows that were saved since can be missing. Promote it?`,
      yes,
    )
  }
  const isAccepted = isStale || (await confirmLack(project, yes))
  const hasSteppedDown = await stepDown(project)
  if (!hasSteppedDown) {
    await killWriter(project)
    if (!isAccepted) await confirmLack(project, yes)
  }
  console.log('Promoting db-reader')
  console.log(await request(project, 'db-reader', 'promote', ...(isStale ? ['stale'] : [])))
  if (hasSteppedDown) await killWriter(project)
}

/**
 * Asks before the reader is promoted without what the writer alone has acknowledged. While the writer runs, the reader
 * gets it.
 *
 * @returns whether it asked.
 */
async function confirmLack(project: Project, yes: boolean): Promise<boolean> {
  const lack = async () => describeLack('db-reader', await readState(project, 'db-reader'))
  if ((await lack()) === '') return false
  const { mode, reason } = await readState(project, 'db-writer')
  if (mode === 'writable' || mode === 'stepped-down') {
    console.log('Waiting until db-reader has what db-writer has acknowledged')
    const hasAll = async () => (await lack()) === ''
    if (await waitFor('db-reader has everything', hasAll, { timeoutMs: 60_000 }).catch(() => false)) return false
  }
  const isRunning = (await project.list()).some(({ service, state }) => service === 'db-writer' && state !== 'exited')
  const command = isRunning ? 'restart db-writer' : 'up --detach --no-recreate --no-deps db-writer'
  await confirm(
    `${await lack()}.\n` +
      (reason === '' ? `To keep it, bring db-writer back: docker compose ${command}\n` : `db-writer: ${reason}\n`) +
      'Promote db-reader without it?',
    yes,
  )
  return true
}

/** Makes the writer stop accepting writes. False if it cannot. */
async function stepDown(project: Project): Promise<boolean> {
  const { mode } = await readState(project, 'db-writer')
  if (mode !== 'writable' && mode !== 'stepped-down') return false
  console.log('db-writer answers: it stops accepting writes, so that the reader gets all it has')
  try {
    await request(project, 'db-writer', 'step-down')
    return true
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    console.log(`db-writer: ${error.message}`)
    return false
  }
}

async function killWriter(project: Project): Promise<void> {
  for (const id of await project.containers('db-writer')) {
    if ((await docker(['inspect', '--format', '{{.State.Running}}', id])) !== 'true') continue
    console.log(`Killing the container of db-writer, ${id.slice(0, 12)}`)
    await docker(['kill', id])
  }
}

/** The reader is the current server: it becomes writable by itself, unless its data is lost. */
async function recoverReader(project: Project, yes: boolean): Promise<void> {
  const { mode, reason } = await waitForState(
    project,
    'db-reader',
    (state) => state.mode === 'writable' || state.mode === 'waiting',
  )
  if (mode === 'writable') return
  await project.compose('up', '--detach', '--no-recreate', '--no-deps', 'db-writer')
  const writer = await waitForState(project, 'db-writer', (state) => state.mode === 'waiting')
  await confirm(
    `db-reader: ${reason}\ndb-writer has data of epoch ${writer.dataEpoch}, without the rows that were saved since. Promote it?`,
    yes,
  )
  console.log(await request(project, 'db-writer', 'promote', 'stale'))
}

/** The epoch volume is empty: the server becomes current that has every transaction of the other. */
async function chooseCompleteCopy(project: Project): Promise<void> {
  await startDatabases(project)
  const databases: readonly Database[] = ['db-writer', 'db-reader']
  const copies: { database: Database; set: string }[] = []
  for (const database of databases) {
    const { mode, reason, dataEpoch } = await waitUntilDecided(project, database)
    if (mode === 'writable') return
    console.log(`${database}: ${reason}`)
    if (dataEpoch > 0) copies.push({ database, set: await executedTransactions(project, database) })
  }
  if (copies.length === 0) throw new CliError('Neither db-writer nor db-reader has data.')
  for (const { database, set } of copies) {
    const others = await Promise.all(copies.map((other) => isSubset(project, database, other.set, set)))
    if (!others.every(Boolean)) continue
    console.log(`${database} has every transaction. Promoting it`)
    console.log(await request(project, database, 'promote'))
    return
  }
  throw new CliError(
    'db-writer and db-reader each have transactions that the other lacks. Nothing was changed. Compare their data,\n' +
      '  then choose one: docker compose exec db-writer promote.sh diverged, or the same on db-reader.\n' +
      '  Then: npm run rejoin, which asks before it sets the other aside',
  )
}
