import { parseArgs } from 'node:util'
import { defaultFolder, dumpCommand, givenFile, namedByTime, refuseExisting, writeBackup } from './backup-file.ts'
import { CliError, messageOf, openOwnProject, runCli } from './cli.ts'
import {
  databaseName,
  executedTransactions,
  isLockedOut,
  otherDatabase,
  readState,
  waitForReplica,
  writableDatabase,
} from './databases.ts'
import { findLogs } from './point-in-time.ts'

await runCli(async () => {
  const { positionals } = parseArgs({ allowPositionals: true, options: {} })
  if (positionals.length > 1) throw new CliError('Usage: npm run backup [-- FILE]')
  const file = positionals[0] === undefined ? namedByTime(defaultFolder, 'backup') : givenFile(positionals[0])
  refuseExisting(file)
  const project = await openOwnProject()
  const database = await databaseName(project)
  const current = await writableDatabase(project)
  if (await isLockedOut(project, current)) {
    throw new CliError('A restore is in progress or was interrupted. To complete it, run it again.')
  }
  const { epoch } = await readState(project, current)
  const isReplicated = await waitForReplica(project, current, await executedTransactions(project, current), 10).catch(
    (error: unknown) => console.log(messageOf(error)),
  )
  const server = isReplicated ? otherDatabase(current) : current
  console.log(`Dumping ${database} on ${server}`)
  const dump = project.spawnExec(server, dumpCommand(database, { hasBinaryLog: true }))
  const { time, gtids } = await writeBackup(dump, file, { database, server, epoch })
  await findLogs(project, current, gtids)
  console.log(`✓ ${file}\n  To restore it: npm run restore -- ${file}, with --to TIME any second after ${time}`)
})
