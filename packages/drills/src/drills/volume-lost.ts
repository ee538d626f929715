import { docker, waitFor } from '@repo/compose'
import type { Database } from '@repo/ops/databases.ts'
import { atMost, type Check, type Drill, durabilityChecks, refusedWith503, within, yes } from '../drill.ts'
import { watchInternalErrors } from '../internal-errors.ts'
import { emptyList } from '../load.ts'
import { areAsBefore, databases, listedCheck, missingInList, watchWriters } from '../servers.ts'
import type { RunningLoad, TestEnvironment } from '../test-environment.ts'

/** A volume, and the servers that have it. */
interface Loss {
  readonly volume: string
  readonly servers: readonly Database[]
}

const losses: readonly Loss[] = [
  { volume: 'db-writer-data', servers: ['db-writer'] },
  { volume: 'db-reader-data', servers: ['db-reader'] },
  { volume: 'db-epoch', servers: databases },
]

/** Each volume of the databases is lost, and then a second time. */
export const volumeLost: Drill = {
  name: 'volume-lost',
  async run(environment) {
    const internalErrors = watchInternalErrors(environment)
    const watch = await watchWriters(environment)
    try {
      const { attempts, result } = await environment.underLoad((load) => loseEach(environment, load))
      // The first reads of a new database find nothing, a moment longer on the reader.
      const found = attempts.filter(({ kind, outcome, detail }) => kind === 'read' && outcome + detail === 'succeeded')
      const filledAt = Math.min(...found.map(({ endedAt }) => endedAt)) + 1000
      const emptyLists = attempts.filter(({ detail, sentAt }) => detail === emptyList && sentAt > filledAt)
      return [
        ...result,
        ...(await watch.stop()),
        atMost('empty lists', 0, emptyLists.length),
        refusedWith503(attempts),
        await internalErrors(),
        await listedCheck(environment, attempts),
        ...(await environment
          .verifyDurability(attempts)
          .then(durabilityChecks, (error) => [yes('the rows can be compared', false, String(error))])),
      ]
    } finally {
      await watch.stop()
      await environment.recreateDatabases()
    }
  },
}

async function loseEach(environment: TestEnvironment, load: RunningLoad): Promise<Check[]> {
  const checks: Check[] = []
  for (const [loss, time] of losses.flatMap((loss) => [[loss, 'first'] as const, [loss, 'second'] as const])) {
    const name = `${time} loss of ${loss.volume}`
    const before = await countCopies(environment, loss)
    const { seconds, missing, command } = await lose(environment, loss, load)
    const recovered = await recover(environment, command)
    checks.push(
      within(`${name}: time until writes are acknowledged or a command is named`, 60, seconds),
      yes(`${name}: reads have every acknowledged write`, missing === 0, `${missing} missing`),
      yes(`${name}: the named command recovers`, recovered, `no (${command})`),
      atMost(`${name}: copies removed`, 0, Math.max(0, before - (await countCopies(environment, loss)))),
    )
    if (!recovered) break
  }
  return checks
}

/** Removes the volume with the containers that have it, and starts them again. */
async function lose(environment: TestEnvironment, { volume, servers }: Loss, load: RunningLoad) {
  const { topology, operate } = environment
  // As in the drill failover: the reader must have everything when the writer is lost, however long Docker takes.
  if (volume === 'db-writer-data') {
    await topology.sql('db-writer', 'SET GLOBAL rpl_semi_sync_source_timeout = 600000')
  }
  await topology.compose('kill', ...servers)
  await topology.compose('rm', '--force', ...servers)
  await docker(['volume', 'rm', `${topology.project}_${volume}`])
  const since = Date.now()
  await topology.compose('up', '--detach', '--no-recreate', '--no-deps', ...databases)
  const settled = async () => {
    if (load.attempts.some(({ acknowledged, sentAt }) => acknowledged && sentAt > since)) return { command: '' }
    const [command = '', ...others] = new Set((await operate('status')).output.match(/npm run (failover|rejoin)/g))
    return command !== '' && others.length === 0 && { command }
  }
  const found = waitFor(`${volume} to be noticed`, settled, { timeoutMs: 180_000, intervalMs: 500 })
  const { command } = await found.catch(() => ({ command: 'none' }))
  const seconds = (Date.now() - since) / 1000
  const missing = await missingInList(environment, load.attempts.slice())
  return { seconds, missing, command }
}

/** Runs the named command, and `npm run rejoin` after a failover. */
async function recover(environment: TestEnvironment, command: string): Promise<boolean> {
  if (command === 'none') return false
  if (command === 'npm run failover' && (await environment.operate('failover')).code !== 0) return false
  if (command !== '' && (await environment.operate('rejoin')).code !== 0) return false
  await environment.heal()
  return areAsBefore(environment)
}

/** How many copies of the data the other volumes have. */
async function countCopies({ topology }: TestEnvironment, { volume }: Loss): Promise<number> {
  const counts = await Promise.all(
    databases
      .filter((database) => volume !== `${database}-data`)
      .map((database) => topology.exec(database, ['bash', '-c', 'ls -d /var/lib/mysql/data* | wc -l'])),
  )
  return counts.reduce((sum, count) => sum + Number(count), 0)
}
