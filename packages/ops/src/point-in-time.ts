import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { DockerError, docker, type Project, spawnDocker, spawnIn, waitFor } from '@repo/compose'
import { dumpCommand, feed, type Manifest, openDump, writeBackup } from './backup-file.ts'
import { type Position, transactionsBefore } from './binary-log.ts'
import { CliError } from './cli.ts'
import { type Database, executedTransactions, isSubset, otherDatabase } from './databases.ts'

const data = '/var/lib/mysql/data'

/** The binary logs with every transaction since a backup. */
export interface Logs {
  readonly server: Database
  readonly files: readonly {
    readonly name: string
    /** What the server had executed before this log. */
    readonly before: string
  }[]
  /** What the current server had executed when the last of them ended. */
  readonly executed: string
}

/**
 * Finds the logs on either server: a server that was cloned has none from before.
 *
 * @param gtids the transactions of the backup.
 * @throws {CliError} if a log is missing on each.
 */
export async function findLogs(project: Project, current: Database, gtids: string): Promise<Logs> {
  const executed = await executedTransactions(project, current)
  if (!(await isSubset(project, current, gtids, executed))) {
    throw new CliError(
      `${current} lacks transactions of the backup: it has another history. Only the state of the backup can be restored.`,
    )
  }
  const problems: string[] = []
  for (const server of [current, otherDatabase(current)]) {
    try {
      return { server, files: await logsSince(project, server, gtids, executed), executed }
    } catch (error) {
      if (!(error instanceof CliError || error instanceof DockerError)) throw error
      problems.push(`  ${server}: ${error instanceof DockerError ? error.stderr.trim() : error.message}`)
    }
  }
  throw new CliError(`No server has every binary log since the backup.\n${problems.join('\n')}`)
}

async function logsSince(
  project: Project,
  server: Database,
  gtids: string,
  executed: string,
): Promise<Logs['files'][number][]> {
  const query = (statement: string) => project.sql(server, statement)
  const purged = await query(`SELECT REPLACE(GTID_SUBTRACT(@@GLOBAL.gtid_purged, '${gtids}'), '\\n', '')`)
  if (purged !== '') throw new CliError(`its binary logs begin after ${purged}`)
  if ((await query(`SELECT WAIT_FOR_EXECUTED_GTID_SET('${executed}', 10)`)) !== '0') {
    throw new CliError('it lacks transactions of the current server')
  }
  // The others are complete files then.
  await query('FLUSH NO_WRITE_TO_BINLOG BINARY LOGS')
  const names = (await query('SHOW BINARY LOGS')).split('\n').map((line) => line.split('\t')[0] ?? '')
  const read = (output: string) =>
    output.split('\n').flatMap((line) => {
      const [, , type, , , info = ''] = line.split('\t')
      return type === 'Previous_gtids' ? [info.replaceAll(/\\n|\s/g, '')] : []
    })
  const before = await query(names.map((name) => `SHOW BINLOG EVENTS IN '${name}' LIMIT 2`).join('; ')).then(
    read,
    (error: DockerError) => {
      throw new CliError(`the binary log ${names[read(error.stdout).length]} is missing or damaged`)
    },
  )
  const contained = await query(`SELECT ${before.map((set) => `GTID_SUBSET('${set}', '${gtids}')`).join(', ')}`)
  const [, ...isInBackup] = contained.split('\t')
  return isInBackup.flatMap((contained, index) =>
    contained === '1' ? [] : [{ name: String(names[index]), before: String(before[index]) }],
  )
}

/**
 * Makes a backup of the state just before `time`: restores one into a temporary server and replays binary logs as its
 * relay logs, since MySQL's image lacks mysqlbinlog. Changes nothing in the topology.
 *
 * @param time milliseconds since 1970.
 * @throws {CliError} if the logs are not complete.
 */
export async function backupAt(
  project: Project,
  { from, manifest, logs, time, to }: { from: string; manifest: Manifest; logs: Logs; time: number; to: string },
): Promise<void> {
  await using server = await startTemporaryServer(project, logs.server, manifest.database)
  const id = server.name
  const sql = (statement: string) => docker(['exec', id, 'mysql', '--batch', '--skip-column-names', '-e', statement])
  await feed(spawnIn(id, ['mysql', '--max-allowed-packet=1G']), await openDump(from))
  await sql(`SET GLOBAL gtid_purged = '${manifest.gtids}'`)
  const position: Position = { ended: false }
  let expected = logs.executed
  let count = 0
  for (const { name, before } of logs.files) {
    count += 1
    const source = project.spawnExec(logs.server, ['cat', `${data}/${name}`])
    const target = spawnIn(id, [
      'bash',
      '-c',
      `cat >${relayLog(count)} && echo ./relay.${count} >>/tmp/data/relay.index`,
    ])
    const copied = feed(target, transactionsBefore(source.stdout, time, position))
    await copied.catch((error: unknown) => {
      throw new CliError(`The binary log ${name} of ${logs.server} is damaged: ${(error as Error).message}`)
    })
    if (!position.ended) continue
    expected = before
    break
  }
  if (position.last !== undefined) await replay(sql, position.last)
  const missing = await sql(`SELECT REPLACE(GTID_SUBTRACT('${expected}', @@GLOBAL.gtid_executed), '\\n', '')`)
  if (missing !== '') throw new CliError(`A binary log of ${logs.server} is missing, with ${missing}.`)
  await writeBackup(spawnIn(id, dumpCommand(manifest.database, { hasBinaryLog: false })), to, {
    ...manifest,
    server: logs.server,
    time: new Date(time).toISOString(),
  })
}

const relayLog = (number: number) => `/tmp/data/relay.${number}`

/** Ends with its standard input, so that nothing is left of a restore that is killed. Accounts are not replayed. */
const serverScript = (database: string) => `
mysqld --no-defaults --initialize-insecure --datadir=/tmp/data
mysqld --no-defaults --datadir=/tmp/data --socket=/run/mysqld/mysqld.sock --pid-file=/run/mysqld/mysqld.pid \\
  --skip-networking --mysqlx=OFF --secure-file-priv=NULL --innodb-numa-interleave=OFF --default-time-zone=+00:00 \\
  --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=OFF --max-allowed-packet=1G \\
  --server-id=4294967295 --gtid-mode=ON --enforce-gtid-consistency=ON --skip-log-bin --relay-log=relay \\
  --skip-replica-start --replicate-wild-do-table='${database.replaceAll('_', '\\_')}.%' &
server=$!
{ cat; kill -KILL "$server"; } <&0 &
wait "$server"`

/** A server of the same image, without network. */
interface TemporaryServer extends AsyncDisposable {
  /** The name of its container. */
  readonly name: string
}

/** The caller disposes of it. */
async function startTemporaryServer(project: Project, like: Database, database: string): Promise<TemporaryServer> {
  const [model = ''] = await project.containers(like)
  const format = '{{.Image}} {{index .Config.Labels "com.docker.compose.project"}}'
  const [image = '', of] = (await docker(['inspect', '--format', format, model])).split(' ')
  const name = `${of}-restore-${process.pid}`
  const child = spawnDocker([
    ...['run', '--rm', '--interactive', '--name', name, '--label', `repo.restore=${of}`, '--network', 'none'],
    ...['--user', '999:999', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--memory', '2g'],
    ...['--entrypoint', 'bash', image, '-euc', serverScript(database)],
  ]) as ChildProcessWithoutNullStreams
  const ended = once(child, 'close')
  const log = text(child.stderr)
  child.stdout.resume()
  async function dispose(): Promise<void> {
    child.stdin.end()
    await ended
  }
  const answers = async () =>
    child.exitCode === null ? docker(['exec', name, 'mysql', '-e', 'DO 1']).then(() => 'answers') : 'has ended'
  const state = await waitFor('the temporary server answers', answers, { timeoutMs: 120_000 }).catch(() => 'is silent')
  if (state === 'answers') return { name, [Symbol.asyncDispose]: dispose }
  await dispose()
  throw new CliError(`The temporary server ${state}: ${(await log).split('\n').slice(-4).join('\n')}`)
}

/** Applies the relay logs, up to this transaction. */
async function replay(sql: (statement: string) => Promise<string>, last: string): Promise<void> {
  await sql(
    `CHANGE REPLICATION SOURCE TO RELAY_LOG_FILE = 'relay.1', RELAY_LOG_POS = 4, SOURCE_HOST = '-';
     START REPLICA SQL_THREAD`,
  )
  while ((await sql(`SELECT WAIT_FOR_EXECUTED_GTID_SET('${last}', 2)`)) !== '0') {
    const errors = await sql(
      `SELECT LAST_ERROR_MESSAGE FROM performance_schema.replication_applier_status_by_worker WHERE LAST_ERROR_NUMBER <> 0
       UNION
       SELECT LAST_ERROR_MESSAGE FROM performance_schema.replication_applier_status_by_coordinator WHERE LAST_ERROR_NUMBER <> 0`,
    )
    if (errors !== '') throw new CliError(`The binary logs cannot be replayed: ${errors}`)
  }
}
