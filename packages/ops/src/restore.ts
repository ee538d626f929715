import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { parseArgs } from 'node:util'
import type { Project } from '@repo/compose'
import {
  checkBackup,
  dumpCommand,
  feed,
  givenFile,
  type Manifest,
  namedByTime,
  openDump,
  writeBackup,
} from './backup-file.ts'
import { CliError, confirm, messageOf, openOwnProject, runCli, runCompose } from './cli.ts'
import {
  type Database,
  databaseName,
  executedTransactions,
  isLockedOut,
  lockOut,
  onlyRestore,
  readState,
  unlock,
  waitForReplica,
  writableDatabase,
} from './databases.ts'
import { backupAt, findLogs } from './point-in-time.ts'
import { retry } from './retry.ts'

// A point in time is prepared as another backup, before anything is changed. Each run does every step, so the command can
// be run again after an interruption at any point.
await runCli(async () => {
  const startedAt = performance.now()
  const { file, time, yes } = readArguments()
  const manifest = await checkBackup(file)
  const project = await openOwnProject()
  const database = await databaseName(project)
  if (manifest.database !== database) throw new CliError(`${file} is of the database ${manifest.database}.`)
  const current = await writableDatabase(project)
  if (time !== undefined) checkCoverage(time, manifest)
  const logs = time === undefined ? undefined : await findLogs(project, current, manifest.gtids)
  const point = time === undefined ? manifest.time : new Date(time).toISOString()
  await confirm(
    `Replace the database ${database} on ${current} by its state of ${point}? What is there is saved to a file first.`,
    yes,
  )
  await using _ = await onlyRestore(project, current)
  const folder = dirname(file)
  // Of this project alone: no other restore of it runs, so what is there was left by one that was killed.
  const temporary = join(folder, `.restore.${(await project.config()).name}`)
  await rm(temporary, { recursive: true, force: true })
  const prepared = join(temporary, 'prepared.sql.gz')
  try {
    if (time !== undefined && logs !== undefined) {
      console.log(`Replaying ${logs.files.length} binary logs of ${logs.server} in a temporary server`)
      await backupAt(project, { from: file, manifest, logs, time, to: prepared })
    }
    await replaceDatabase(project, current, database, time === undefined ? file : prepared, folder)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`✓ ${database} has its state of ${point}. Restored in ${seconds} s`)
})

function readArguments(): { file: string; time: number | undefined; yes: boolean } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { to: { type: 'string' }, yes: { type: 'boolean', default: false } },
  })
  const [file, ...others] = positionals
  if (file === undefined || others.length > 0) {
    throw new CliError('Usage: npm run restore -- FILE [--to YYYY-MM-DDTHH:MM:SSZ] [--yes]')
  }
  return { file: givenFile(file), time: values.to === undefined ? undefined : readTime(values.to), yes: values.yes }
}

function readTime(text: string): number {
  const time = Date.parse(text)
  // Date.parse also accepts other forms, and days that do not exist.
  if (Number.isNaN(time) || new Date(time).toISOString() !== text.replace(/Z$/, '.000Z')) {
    throw new CliError(`Invalid --to ${JSON.stringify(text)}: expected UTC as YYYY-MM-DDTHH:MM:SSZ.`)
  }
  return time
}

function checkCoverage(time: number, manifest: Manifest): void {
  const text = new Date(time).toISOString()
  if (time < Date.parse(manifest.time))
    throw new CliError(`${text} is before the backup, which is of ${manifest.time}.`)
  if (time > Date.now()) throw new CliError(`${text} is in the future.`)
}

/** Saves the database and replaces it. The reader gets it by replication, and the accounts and their rights stay. */
async function replaceDatabase(
  project: Project,
  current: Database,
  database: string,
  file: string,
  folder: string,
): Promise<void> {
  const saved = namedByTime(folder, 'before-restore')
  const { epoch } = await readState(project, current)
  const wasLockedOut = await isLockedOut(project, current)
  console.log('Ending the connections of the app and locking it out. After an interruption, run this again')
  let dump: Readable
  try {
    await lockOut(project, current)
    const query = `SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '${database}'`
    if ((await project.sql(current, query)) === '1') {
      console.log(`Saving what is there to ${saved}`)
      const before = project.spawnExec(current, dumpCommand(database, { hasBinaryLog: true }))
      await writeBackup(before, saved, { database, server: current, epoch })
    }
    dump = await openDump(file)
  } catch (error) {
    // Nothing was changed, except by an earlier run.
    if (!wasLockedOut) await unlock(project, current, 'app', 'migrator')
    throw error
  }
  const failed = (what: string) => (error: unknown) => {
    throw new CliError(
      `${what}, and the app is locked out: ${messageOf(error)}\n` +
        `  Run this again, or return to what was there: npm run restore -- ${saved}`,
    )
  }
  console.log('Loading the backup')
  await feed(project.spawnExec(current, ['mysql', '--max-allowed-packet=1G']), replacement(database, dump)).catch(
    failed('The database is incomplete'),
  )
  await bringIntoUse(project, current).catch(failed('The backup is loaded'))
}

/** The backup can be of an earlier release: the app is let in after the migrations. Each step can be repeated. */
async function bringIntoUse(project: Project, current: Database): Promise<void> {
  const replicated = async () => waitForReplica(project, current, await executedTransactions(project, current), 600)
  await retry(replicated).catch((error: unknown) => console.log(messageOf(error)))
  await unlock(project, current, 'migrator')
  const migrate = () =>
    runCompose(project, 'Applying the migrations', 'run', '--rm', '--no-deps', '--no-TTY', 'db-init')
  await retry(migrate, { attempts: 3, errors: [CliError] })
  await unlock(project, current, 'app')
}

async function* replacement(database: string, dump: Readable): AsyncGenerator<string | Buffer> {
  yield `DROP DATABASE IF EXISTS \`${database}\`;\n`
  yield* dump
}
