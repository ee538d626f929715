import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, createWriteStream, existsSync, mkdirSync, rmSync } from 'node:fs'
import { link, open, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { type Readable, pipeline as startPipeline } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { repositoryRoot } from '@repo/compose'
import { CliError, messageOf } from './cli.ts'

/** The first line of a backup, after `-- backup `. */
export interface Manifest {
  readonly format: 1
  readonly database: string
  /** Where the dump was made. */
  readonly server: string
  /** The epoch of the current server. */
  readonly epoch: number
  /** Everything in the backup was committed before. */
  readonly time: string
  /** The transactions that the backup has, as a GTID set. */
  readonly gtids: string
}

const firstLine = /^-- backup (\{"format":1,.*\})\n/
const lastLine = '\n-- Dump completed'
const gtidPurged = /GTID_PURGED=(?:[^']*'\+'[^']*)?'\+?([0-9a-f:,\s-]+)'/

/** A file that an operator names, relative to the folder in which npm was called. */
export const givenFile = (file: string): string => resolve(process.env.INIT_CWD ?? '.', file)

/** The folder of backups that were not given a file. */
export const defaultFolder: string = join(repositoryRoot, 'backups')

/** A new file for a backup. */
export const namedByTime = (folder: string, prefix: string): string =>
  join(folder, `${prefix}-${new Date().toISOString().replace(/[:.]/g, '-')}.sql.gz`)

/** @throws {CliError} if the file exists. */
export function refuseExisting(file: string): void {
  if (existsSync(file)) throw new CliError(`${file} exists already. A backup overwrites nothing.`)
}

/**
 * The command that dumps a database with the set of its transactions.
 *
 * @param hasBinaryLog without `--source-data`, MySQL 8.4 runs FLUSH TABLES for that set so that it is a transaction of its
 *   own, which a reader must not have: https://bugs.mysql.com/115022. A server without a binary log refuses the option.
 */
export const dumpCommand = (database: string, { hasBinaryLog }: { hasBinaryLog: boolean }): string[] => [
  ...['mysqldump', '--single-transaction', '--set-gtid-purged=COMMENTED', ...(hasBinaryLog ? ['--source-data=2'] : [])],
  ...['--routines', '--events', '--triggers'],
  ...['--hex-blob', '--no-tablespaces', '--databases', database],
]

/**
 * Writes a running {@link dumpCommand} to a file, compressed, with its manifest. The file appears when it is complete.
 *
 * @param about `time` defaults to when the dump began.
 * @throws {CliError} if the dump fails, or the file exists.
 */
export async function writeBackup(
  dump: ChildProcessWithoutNullStreams,
  file: string,
  about: Pick<Manifest, 'database' | 'server' | 'epoch'> & Partial<Pick<Manifest, 'time'>>,
): Promise<Manifest> {
  const ended = once(dump, 'close')
  const errors = text(dump.stderr)
  const partial = join(dirname(file), `.${basename(file)}.${process.pid}`)
  let manifest: Manifest | undefined
  let end = ''
  const interrupted = () => {
    rmSync(partial, { force: true })
    process.exit(130)
  }
  process.once('SIGINT', interrupted)
  try {
    // Nothing is awaited before the output is read: Node drops what a child has printed that ends earlier.
    mkdirSync(dirname(file), { recursive: true })
    await pipeline(
      dump.stdout,
      async function* (source: AsyncIterable<Buffer>) {
        for await (const part of withManifest(source, (gtids) => {
          manifest = { format: 1, time: new Date().toISOString(), ...about, gtids }
          return manifest
        })) {
          end = endAfter(end, part)
          yield part
        }
      },
      createGzip({ level: 1 }),
      createWriteStream(partial, { mode: 0o600, flush: true }),
    )
    const [code] = await ended
    if (code !== 0 || manifest === undefined) throw new Error((await errors).trim() || `status ${code}`)
    // The output of a command in a container can be cut without an error.
    if (!end.includes(lastLine)) throw new Error('its end is missing')
    // Fails if the file exists, unlike a rename.
    await link(partial, file)
    return manifest
  } catch (error) {
    throw new CliError(`The dump failed: ${messageOf(error)}`)
  } finally {
    process.off('SIGINT', interrupted)
    dump.kill()
    await rm(partial, { force: true })
  }
}

/** Puts the manifest first, which needs what the dump's head says. */
async function* withManifest(
  source: AsyncIterable<Buffer>,
  manifest: (gtids: string) => Manifest,
): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0)
  for await (const part of source) {
    if (head === undefined) {
      yield part
      continue
    }
    head = Buffer.concat([head, part])
    const found = gtidPurged.exec(head.toString('latin1'))
    if (found !== null) {
      yield Buffer.from(`-- backup ${JSON.stringify(manifest(String(found[1]).replace(/\s/g, '')))}\n`)
      // A restored transaction is in the binary log as any other.
      yield Buffer.from(head.toString('latin1').replace(/^SET @@SESSION\.SQL_LOG_BIN= *0;\n/m, ''), 'latin1')
      head = undefined
    }
  }
}

/** The end of what was read so far, long enough for {@link lastLine}. */
const endAfter = (end: string, part: Buffer) =>
  (end + part.toString('latin1', Math.max(0, part.length - 200))).slice(-200)

/** Sends input to a command and waits until it has ended. @throws {CliError} with what it wrote to standard error. */
export async function feed(
  command: ChildProcessWithoutNullStreams,
  input: AsyncIterable<string | Buffer>,
): Promise<void> {
  const ended = once(command, 'close')
  const errors = text(command.stderr)
  command.stdout.resume()
  const [sent] = await Promise.allSettled([pipeline(input, command.stdin)])
  const [code] = await ended
  if (code !== 0) throw new CliError((await errors).trim() || `status ${code}`)
  if (sent.status === 'rejected') throw sent.reason
}

/** Opens a backup, and gives its dump as SQL. @throws if the file cannot be opened. */
export async function openDump(file: string): Promise<Readable> {
  const handle = await open(file)
  return startPipeline(handle.createReadStream(), createGunzip(), () => {})
}

/** Reads a backup completely. @throws {CliError} if there is none, or it is damaged or incomplete. */
export async function checkBackup(file: string): Promise<Manifest> {
  if (!existsSync(file)) throw new CliError(`There is no file ${file}.`)
  let [head, end] = ['', '']
  try {
    await pipeline(createReadStream(file), createGunzip(), async (source: AsyncIterable<Buffer>) => {
      for await (const part of source) {
        if (!head.includes('\n')) head += part.toString('latin1')
        end = endAfter(end, part)
      }
    })
  } catch (error) {
    throw new CliError(`${file} is not a complete backup: ${messageOf(error)}`)
  }
  const [, manifest] = firstLine.exec(head) ?? []
  if (manifest === undefined) throw new CliError(`${file} is not a backup of \`npm run backup\`.`)
  if (!end.includes(lastLine)) throw new CliError(`${file} is not a complete backup: its end is missing.`)
  return JSON.parse(manifest)
}
