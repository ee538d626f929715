import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { startMigrated } from '@repo/db/testing'

/** A server with the migrated schema. */
export type Migrated = Awaited<ReturnType<typeof startMigrated>>['mysql']

const main = join(import.meta.dirname, '../src/main.ts')

/** The application as a process of its own, as its image starts it. */
export interface MainProcess {
  readonly child: ChildProcess
  /** What it has logged so far. */
  readonly lines: readonly Record<string, unknown>[]
  /** Where it listens; never settles when it ends before. */
  readonly port: Promise<number>
  /** Null when it was killed. */
  readonly exitCode: Promise<number | null>
  /** All of its standard error, when that has ended. */
  readonly complaint: Promise<string>
}

/**
 * Starts main.ts. The caller kills it, should it not end by itself.
 *
 * @param environment nothing is inherited but the PATH.
 * @param nodeOptions stand before the file.
 */
export function startMain(environment: NodeJS.ProcessEnv, nodeOptions: readonly string[] = []): MainProcess {
  const child = spawn(process.execPath, [...nodeOptions, main], { env: { PATH: process.env.PATH, ...environment } })
  const lines: Record<string, unknown>[] = []
  const port = new Promise<number>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const entry = JSON.parse(line)
      lines.push(entry)
      if (entry.msg === 'listening') resolve(entry.port)
    })
  })
  const exitCode = once(child, 'close').then(([code]) => code as number | null)
  return { child, lines, port, exitCode, complaint: text(child.stderr) }
}

/** The settings that lead to the database of a test, on free ports. */
export async function settingsFor(mysql: Migrated): Promise<Record<string, string>> {
  return {
    DB_WRITE_ENDPOINT_ADDRESS: mysql.host,
    DB_READ_ENDPOINT_ADDRESS: mysql.host,
    MYSQL_PORT: String(mysql.port),
    DB_NAME: 'testdb',
    DB_TABLENAME: 'testtable',
    DB_USER: 'app',
    DB_PASSWORD: await mysql.password('app'),
    PORT: '0',
    METRICS_PORT: '0',
  }
}
