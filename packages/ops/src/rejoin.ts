import { parseArgs } from 'node:util'
import type { Project } from '@repo/compose'
import { CliError, confirm, openOwnProject, runCli } from './cli.ts'
import {
  type Database,
  type DatabaseState,
  executedTransactions,
  isHealthy,
  isSubset,
  request,
  requireReader,
  setEndpointNames,
  startDatabases,
  waitForState,
  waitUntilDecided,
} from './databases.ts'

// Each step looks at what is, so the command can be run again after an interruption at any point. The current server
// keeps its data throughout.
await runCli(async () => {
  const { yes = false } = parseArgs({ options: { yes: { type: 'boolean' } } }).values
  const project = await openOwnProject()
  await requireReader(project)
  await startDatabases(project)
  const { current } = await waitUntilDecided(project, 'db-reader')
  if (current === undefined) throw new CliError('No server is current. First: npm run failover')
  await waitUntilDecided(project, 'db-writer')
  const needsFailover = ({ reason }: DatabaseState) => reason.includes('npm run failover')
  const state = await waitForState(
    project,
    current,
    (each) => each.mode === 'writable' || each.mode === 'stepped-down' || needsFailover(each),
  )
  if (needsFailover(state)) throw new CliError(`${current}: ${state.reason}`)

  if (current === 'db-reader') await switchToWriter(project, yes)
  await setEndpointNames(project, 'db-writer', ['db-writer'])
  await setEndpointNames(project, 'db-reader', ['db-reader'])
  await follow(project, 'db-reader', yes)
  const { epoch } = await waitForState(project, 'db-writer', ({ oneCopy }) => oneCopy === undefined)
  console.log(`✓ db-writer accepts writes, epoch ${epoch}, and db-reader replicates from it`)
})

/** Makes db-writer a replica of db-reader, and then the current server. */
async function switchToWriter(project: Project, yes: boolean): Promise<void> {
  await setEndpointNames(project, 'db-reader', ['db-writer', 'db-reader'])
  // The app must not reach it as the writer yet.
  await setEndpointNames(project, 'db-writer', [])
  await follow(project, 'db-writer', yes)
  const set = await executedTransactions(project, 'db-reader')
  await waitForState(project, 'db-writer', async () =>
    isSubset(project, 'db-writer', set, await executedTransactions(project, 'db-writer')),
  )
  console.log('db-reader stops accepting writes, db-writer takes over')
  await request(project, 'db-reader', 'step-down')
  console.log(await request(project, 'db-writer', 'promote'))
}

/** Waits until the server replicates from the current one; asks before data is set aside that the other lacks. */
async function follow(project: Project, database: Database, yes: boolean): Promise<void> {
  const isSettled = async ({ mode, epoch, dataEpoch }: DatabaseState) =>
    mode === 'diverged' || (mode === 'replica' && dataEpoch === epoch && (await isHealthy(project, database)))
  console.log(`${database} becomes a replica of the current server`)
  await request(project, database, 'follow')
  const { mode, reason } = await waitForState(project, database, isSettled, 3_600_000)
  if (mode !== 'diverged') return
  await confirm(
    `${database}: ${reason}\nSet this data aside (it is kept in its volume) and copy the current server's?`,
    yes,
  )
  await request(project, database, 'follow', 'set-aside')
  await waitForState(
    project,
    database,
    async (state) => state.mode !== 'diverged' && (await isSettled(state)),
    3_600_000,
  )
}
