import { setTimeout as delay } from 'node:timers/promises'
import { docker, waitFor } from '@repo/compose'
import { type Database, isHealthy, readState } from '@repo/ops/databases.ts'
import { atLeast, atMost, type Check, yes } from './drill.ts'
import { listedMissing } from './durability.ts'
import { readList } from './lists.ts'
import type { Attempt } from './load.ts'
import type { OperatorCommand, TestEnvironment } from './test-environment.ts'

/** The two servers. */
export const databases: readonly Database[] = ['db-writer', 'db-reader']

// $1: the password of the app's user, $2: a statement that stores a row. A frozen server accepts nothing.
const acceptsWrites = `
  [ "$(timeout 3 mysql --batch --skip-column-names -e 'SELECT @@GLOBAL.read_only')" = 0 ] && echo 'not read-only'
  export MYSQL_PWD=$1
  timeout 3 mysql --host=127.0.0.1 --protocol=TCP --user=app --get-server-public-key --ssl-mode=DISABLED \\
    -e "START TRANSACTION; $2; ROLLBACK" && echo 'a write as the app succeeded'
  true`

/** A watch on both servers; see {@link watchWriters}. */
export interface WriterWatch {
  /** How often both servers accepted writes so far. */
  both(): number
  /** Ends it. */
  stop(): Promise<Check[]>
}

/**
 * Asks both servers again and again whether they accept writes: for their variables, and for a write as the app's user
 * that is rolled back. At no time may both of them.
 */
export async function watchWriters(environment: TestEnvironment): Promise<WriterWatch> {
  const { topology } = environment
  const password = await topology.exec('db-writer', ['cat', '/run/credentials/app/password'])
  let [asked, both, stopped] = [0, 0, false]

  async function watch(): Promise<void> {
    for (; !stopped; asked += 1) {
      const first = await writableServers(environment, password)
      // A switchover may lie between the two answers, but not between these and the next two.
      if (first.length > 1 && (await writableServers(environment, password)).length > 1) both += 1
      await delay(300)
    }
  }

  const ended = watch()
  return {
    both: () => both,
    async stop() {
      stopped = true
      await ended
      return [
        atMost('times both servers accepted writes', 0, both),
        atLeast('times both servers were asked', 10, asked),
      ]
    },
  }
}

async function writableServers({ topology, workload }: TestEnvironment, password: string): Promise<Database[]> {
  const { columns, values } = workload.numberedRow
  const insert = `INSERT INTO ${workload.table} (${columns}) SELECT ${values} FROM (SELECT FLOOR(1e8 * RAND()) AS n) AS numbers`
  const answers = await Promise.all(
    databases.map(async (database) => {
      const ask = async ([id = '']: string[]) =>
        docker(['exec', id, 'bash', '-c', acceptsWrites, '-', password.trim(), insert], { timeoutMs: 10_000 })
      const answer = await topology
        .containers(database)
        .then(ask)
        .catch(() => '')
      return answer === '' ? [] : [database]
    }),
  )
  return answers.flat()
}

/** Waits until a server is unhealthy with a reason that names a command, and resolves with it; empty if it does not. */
export async function commandNamedBy({ topology }: TestEnvironment, database: Database): Promise<string> {
  const named = async () => {
    const { reason } = await readState(topology, database)
    return !(await isHealthy(topology, database)) && /npm run \w+/.exec(reason)?.[0]
  }
  return waitFor(`${database} names a command`, named, { timeoutMs: 60_000, intervalMs: 500 }).catch(() => '')
}

/** Both servers are healthy, and the writer is the current one. */
export async function areAsBefore({ topology }: TestEnvironment): Promise<boolean> {
  const [healthy, { mode }] = await Promise.all([
    Promise.all(databases.map((database) => isHealthy(topology, database))),
    readState(topology, 'db-writer'),
  ])
  return healthy.every(Boolean) && mode === 'writable'
}

/** Runs an operator's command, which must succeed. */
export async function operatorCheck(
  { operate }: Pick<TestEnvironment, 'operate'>,
  command: OperatorCommand,
): Promise<Check> {
  const { code, output } = await operate(command)
  return yes(
    `npm run ${command} succeeds`,
    code === 0,
    `exit ${code}: ${output.trim().split('\n').slice(-3).join(' ')}`,
  )
}

/** How many acknowledged writes the list of all rows lacks. What is about to arrive is waited for. */
export async function missingInList(
  { topology, workload }: TestEnvironment,
  attempts: readonly Attempt[],
): Promise<number> {
  let missing = attempts.length
  await waitFor(
    'the list to have every acknowledged write',
    async () => {
      const listed = await readList(topology.url, workload)
      missing = listed === undefined ? attempts.length : listedMissing(attempts, listed)
      return missing === 0
    },
    { timeoutMs: 20_000, intervalMs: 500 },
  ).catch(() => {})
  return missing
}

/** Every acknowledged write is in the list of all rows. */
export const listedCheck = async (environment: TestEnvironment, attempts: readonly Attempt[]): Promise<Check> =>
  atMost(
    `acknowledged writes missing in ${environment.workload.listPath}`,
    0,
    await missingInList(environment, attempts),
  )
