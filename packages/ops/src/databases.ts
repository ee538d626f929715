import { once } from 'node:events'
import { DockerError, docker, type Project, waitFor } from '@repo/compose'
import { CliError } from './cli.ts'
import { retry } from './retry.ts'

/** A service that runs MySQL. */
export type Database = 'db-writer' | 'db-reader'

/** See {@link DatabaseState.oneCopy}. */
export interface OneCopy {
  readonly server: Database
  readonly since: string
}

/** What docker/mysql/start.sh says about a server. */
export interface DatabaseState {
  /**
   * `writable`, `replica`, `cloning`, `diverged`, `waiting`, `stepped-down` or `starting`; `unresponsive` if the server
   * answers no SQL within 5 s, `stopped` if its container does not answer.
   */
  readonly mode: string
  /** Why the server is unhealthy, and which command is needed; empty if it is not. */
  readonly reason: string
  /** Which server is the current one, by the epoch volume; undefined if it does not say. */
  readonly current: Database | undefined
  /** The epoch of the current server; 0 if there is none. */
  readonly epoch: number
  /** The server that alone may have what it has acknowledged since a time (ISO 8601); undefined if both have all. */
  readonly oneCopy: OneCopy | undefined
  /** The epoch of this server's data; 0 without one. */
  readonly dataEpoch: number
  /** The folders of data that was set aside. */
  readonly setAside: readonly string[]
}

// 124: the time is over. A server that is starting refuses the connection at once.
const script = `timeout 5 mysql -e 'DO 1' >/dev/null 2>&1
if [ $? = 124 ]; then printf 'unresponsive\\n\\n'; else cat /run/mysqld/state 2>/dev/null || printf 'starting\\n\\n'; fi
cat /var/lib/db-epoch/current 2>/dev/null || echo
cat /var/lib/db-epoch/one-copy 2>/dev/null || echo
cat /var/lib/mysql/data/epoch 2>/dev/null || echo
cd /var/lib/mysql && ls -d data.* 2>/dev/null || true`

/** A server's state, from its container. Within 10 s, also if it is frozen. */
export async function readState(project: Project, database: Database): Promise<DatabaseState> {
  const [id] = await project.containers(database)
  const text =
    id === undefined ? '' : await docker(['exec', id, 'bash', '-c', script], { timeoutMs: 10_000 }).catch(() => '')
  const [mode = '', reason = '', current = '', oneCopy = '', dataEpoch = '', ...folders] = text.split('\n')
  const [name, epoch] = current.split(' ')
  const [holder, since = ''] = oneCopy.split(' ')
  const server = databaseOf(holder)
  return {
    mode: mode || 'stopped',
    reason,
    current: databaseOf(name),
    epoch: Number(epoch ?? 0),
    oneCopy: server && { server, since },
    dataEpoch: Number(dataEpoch),
    setAside: folders.filter((folder) => folder && folder !== 'data.new'),
  }
}

const databaseOf = (role: string | undefined): Database | undefined =>
  role === 'writer' || role === 'reader' ? `db-${role}` : undefined

/** What the server may lack, for a person; empty if it has everything. */
export function describeLack(database: Database, { oneCopy }: DatabaseState): string {
  if (oneCopy === undefined || oneCopy.server === database) return ''
  return `${database} may lack what ${oneCopy.server} has acknowledged since ${oneCopy.since}`
}

/**
 * What to do when no server accepts writes, and none of them says so itself: the current one is not running or hangs, or
 * one that is waited for as long as none is current. Empty if there is nothing to do.
 *
 * @param isRunning whether the server's container runs.
 */
export function describeOutage(
  states: Readonly<Record<Database, DatabaseState>>,
  isRunning: (database: Database) => boolean,
): string {
  const both = ['db-writer', 'db-reader'] as const
  const current = states['db-writer'].current ?? states['db-reader'].current
  // No other command helps before its restart.
  const hangs = current !== undefined && states[current].mode === 'unresponsive'
  const isNamed = ({ mode, reason }: DatabaseState) => mode === 'writable' || namesCommand(reason)
  if (!hangs && both.some((database) => isNamed(states[database]))) return ''
  const silent = both.filter((database) => ['stopped', 'unresponsive'].includes(states[database].mode))
  if (silent.length === 2) {
    const command = both.some(isRunning)
      ? `restart them: docker compose restart ${both.join(' ')}`
      : 'start them: npm start'
    return `No database responds. To ${command}`
  }
  const [needed] = silent.filter((database) => current === undefined || database === current)
  if (needed === undefined) return ''
  const name = current === undefined ? needed : `${needed}, the current writer,`
  return isRunning(needed)
    ? `${name} does not respond. To restart it: docker compose restart ${needed}`
    : `${name} is not running. To start it: npm start`
}

const namesCommand = (reason: string) => /\b(npm|docker compose) /.test(reason)

/** The server that accepts writes. @throws {CliError} with what the servers say if there is none. */
export async function writableDatabase(project: Project): Promise<Database> {
  const reasons: string[] = []
  for (const database of ['db-writer', 'db-reader'] as const) {
    const { mode, reason } = await readState(project, database)
    if (mode === 'writable') return database
    reasons.push(`  ${database}: ${reason || mode}`)
  }
  throw new CliError(`No database accepts writes.\n${reasons.join('\n')}`)
}

/**
 * Waits until the other server has applied the transactions.
 *
 * @returns false if it does not replicate.
 * @throws {CliError} if it has not applied them within the time, or its container runs and does not respond.
 */
export async function waitForReplica(
  project: Project,
  current: Database,
  set: string,
  timeoutSeconds: number,
): Promise<boolean> {
  const other = otherDatabase(current)
  if (!(await retry(() => replicates(project, other), { attempts: 3, errors: [CliError, DockerError] }))) return false
  const wait = `SELECT WAIT_FOR_EXECUTED_GTID_SET('${set}', ${timeoutSeconds})`
  if ((await project.sql(other, wait)) === '0') return true
  throw new CliError(`${other} has not applied the transactions of ${current} within ${timeoutSeconds} s.`)
}

async function replicates(project: Project, database: Database): Promise<boolean> {
  const { mode } = await readState(project, database)
  if (mode === 'unresponsive') throw unresponsive(database)
  if (mode !== 'stopped') return mode === 'replica'
  const containers = await project.list()
  if (!containers.some(({ service, state }) => service === database && /^(running|paused)$/.test(state))) return false
  throw unresponsive(database)
}

const unresponsive = (database: Database) =>
  new CliError(`${database} does not respond. To restart it: docker compose restart ${database}`)

/** The database that is not this one. */
export const otherDatabase = (database: Database): Database => (database === 'db-writer' ? 'db-reader' : 'db-writer')

/** False for a topology that was started with `--light`. */
export async function hasReader(project: Project): Promise<boolean> {
  return (await project.config()).services['db-reader']?.deploy?.replicas !== 0
}

/** @throws {CliError} without a reader. */
export async function requireReader(project: Project): Promise<void> {
  if (!(await hasReader(project))) throw new CliError('This topology has no reader. To start both databases: npm start')
}

/** Sends a request to start.sh, and resolves with its answer. @throws {CliError} with the answer if it refuses. */
export async function request(project: Project, database: Database, ...args: readonly string[]): Promise<string> {
  try {
    return (await project.exec(database, ['request.sh', ...args])).trim()
  } catch (error) {
    if (error instanceof DockerError) throw new CliError(error.stderr.trim() || error.message)
    throw error
  }
}

/** Starts the containers of both databases. Those that run stay as they are. */
export async function startDatabases(project: Project): Promise<void> {
  await project.compose('up', '--detach', '--no-recreate', '--no-deps', 'db-writer', 'db-reader')
}

/** True if the health check succeeds. */
export const isHealthy = (project: Project, database: Database): Promise<boolean> =>
  project.exec(database, ['healthcheck.sh']).then(
    () => true,
    () => false,
  )

/** Waits for a state. @throws {CliError} with the server's reason. */
export async function waitForState(
  project: Project,
  database: Database,
  condition: (state: DatabaseState) => boolean | Promise<boolean>,
  timeoutMs = 120_000,
): Promise<DatabaseState> {
  let last: DatabaseState | undefined
  const matches = async () => {
    last = await readState(project, database)
    return (await condition(last)) && last
  }
  try {
    return await waitFor(`${database} is ready`, matches, { timeoutMs, intervalMs: 500 })
  } catch {
    throw new CliError(`${database} is not ready after ${timeoutMs / 1000} s: ${last?.reason || last?.mode}`)
  }
}

/** Waits until start.sh has decided what its server is. @throws {CliError} at once if the server hangs. */
export async function waitUntilDecided(project: Project, database: Database): Promise<DatabaseState> {
  const state = await waitForState(project, database, ({ mode }) => mode !== 'stopped' && mode !== 'starting')
  if (state.mode === 'unresponsive') throw unresponsive(database)
  return state
}

/** The name of the app's database. */
export async function databaseName(project: Project): Promise<string> {
  const { services } = await project.config()
  return services['db-writer']?.environment?.DB_NAME ?? ''
}

/** True while a restore has locked the app out, or after one that was interrupted. */
export const isLockedOut = async (project: Project, database: Database): Promise<boolean> =>
  (await project.sql(database, "SELECT account_locked FROM mysql.user WHERE user = 'app'")) === 'Y'

/**
 * Lets the app and the migrations open no connection, and ends those that are open, on both servers.
 *
 * @throws {CliError} if the replica has not applied it within 30 s, or does not respond.
 */
export async function lockOut(project: Project, current: Database): Promise<void> {
  await project.sql(current, "ALTER USER app@'%', migrator@'%' ACCOUNT LOCK")
  const isReplicated = await waitForReplica(project, current, await executedTransactions(project, current), 30)
  await endConnections(project, current)
  if (isReplicated) await endConnections(project, otherDatabase(current))
}

/**
 * Makes this the only restore until it is disposed of, or this process ends.
 *
 * @throws {CliError} if another one runs; one that was killed releases the server within a few seconds.
 */
export async function onlyRestore(project: Project, current: Database): Promise<AsyncDisposable> {
  const script = 'exec 9>/run/mysqld/restore.lock; flock --timeout 3 9 || exit; echo locked; cat >/dev/null'
  const child = project.spawnExec(current, ['bash', '-c', script])
  const ended = once(child, 'close')
  const [locked] = await Promise.race([once(child.stdout, 'data'), ended])
  if (!String(locked).startsWith('locked')) throw new CliError(`Another restore is running on ${current}.`)
  return {
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await ended
    },
  }
}

/** The replica unlocks the accounts after it has applied everything before. */
export async function unlock(
  project: Project,
  current: Database,
  ...users: readonly ('app' | 'migrator')[]
): Promise<void> {
  const accounts = users.map((user) => `${user}@'%'`).join(', ')
  await retry(() => project.sql(current, `ALTER USER ${accounts} ACCOUNT UNLOCK`))
}

async function endConnections(project: Project, database: Database): Promise<void> {
  // Those of root that use a database: a dump, or what an interrupted restore still sends.
  const list = `SELECT CONCAT('KILL ', ID, ';') FROM information_schema.PROCESSLIST
    WHERE ID <> CONNECTION_ID() AND (USER IN ('app', 'migrator') OR (USER = 'root' AND DB IS NOT NULL)`
  // Also those that are signing in and may not see the lock. Later ones see it, so they are not waited for.
  let signingIn = " OR USER = 'unauthenticated user'"
  await waitFor(`${database} has no connection of the app`, async () => {
    const statements = await project.sql(database, `${list}${signingIn})`)
    signingIn = ''
    // One that has ended by itself is an error.
    if (statements !== '') await project.exec(database, ['mysql', '--force', '-e', statements]).catch(() => {})
    return statements === ''
  })
}

/** The transactions of a server, as a GTID set. */
export async function executedTransactions(project: Project, database: Database): Promise<string> {
  return project.sql(database, "SELECT REPLACE(@@GLOBAL.gtid_executed, '\\n', '')")
}

/** True if every transaction of the first set is in the second. */
export async function isSubset(project: Project, database: Database, set: string, of: string): Promise<boolean> {
  return (await project.sql(database, `SELECT GTID_SUBSET('${set}', '${of}')`)) === '1'
}

/** The endpoint names that lead to a container. */
export async function endpointNames(project: Project, database: Database): Promise<string[]> {
  const { network, id } = await networkOf(project, database)
  return endpointsAmong(await connectedAliases(network, id))
}

const endpointsAmong = (aliases: readonly string[] = []) =>
  aliases.filter((alias) => /^db-(writer|reader)$/.test(alias))

/** Makes exactly these endpoint names lead to the container. Its connections end, unless they already do. */
export async function setEndpointNames(
  project: Project,
  database: Database,
  names: readonly Database[],
): Promise<void> {
  const { network, id } = await networkOf(project, database)
  const aliases = await connectedAliases(network, id)
  if (aliases !== undefined && new Set(endpointsAmong(aliases)).symmetricDifference(new Set(names)).size === 0) return
  if (aliases !== undefined) await docker(['network', 'disconnect', network, id])
  await docker(['network', 'connect', ...names.flatMap((name) => ['--alias', name]), network, id])
}

async function networkOf(project: Project, database: Database): Promise<{ network: string; id: string }> {
  const [id] = await project.containers(database)
  if (id === undefined) throw new CliError(`There is no container of ${database}. \`npm start\` starts the topology.`)
  const name = await docker(['inspect', '--format', '{{index .Config.Labels "com.docker.compose.project"}}', id])
  const labels = [`project=${name}`, 'network=app-db'].flatMap((label) => [
    '--filter',
    `label=com.docker.compose.${label}`,
  ])
  const network = await docker(['network', 'ls', '--quiet', '--no-trunc', ...labels])
  return { network, id }
}

/** Undefined if the container is not in the network. */
async function connectedAliases(network: string, id: string): Promise<string[] | undefined> {
  const networks = JSON.parse(await docker(['inspect', '--format', '{{json .NetworkSettings.Networks}}', id]))
  const found = Object.values(networks as Record<string, { NetworkID: string; Aliases: string[] | null }>).find(
    ({ NetworkID }) => NetworkID === network,
  )
  return found && (found.Aliases ?? [])
}
