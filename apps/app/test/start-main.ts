import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { MigratedServer } from '@repo/db/testing'

const main = join(import.meta.dirname, '../src/main.ts')

/** The application as a process of its own, as its image starts it. */
export interface MainProcess {
  readonly child: ChildProcess
  /** Its log lines so far. */
  readonly lines: readonly Record<string, unknown>[]
  /** The port of its HTTP server; never settles when the process ends before. */
  readonly port: Promise<number>
  /** Null when it was killed. */
  readonly exitCode: Promise<number | null>
  /** Its complete standard error, once that has ended. */
  readonly stderr: Promise<string>
}

/**
 * Starts main.ts. The caller kills it if it does not end by itself.
 *
 * @param environment nothing is inherited but the PATH.
 * @param nodeOptions come before the file.
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
  return { child, lines, port, exitCode, stderr: text(child.stderr) }
}

/** Settings for a database that cannot be reached, which is found out quickly, and free ports. */
export const unreachableDatabase = {
  DB_WRITE_ENDPOINT_ADDRESS: '127.0.0.1',
  DB_READ_ENDPOINT_ADDRESS: '127.0.0.1',
  MYSQL_PORT: '1',
  DB_NAME: 'testdb',
  DB_TABLENAME: 'testtable',
  DB_USER: 'app',
  DB_PASSWORD: 'secret',
  DB_CONNECT_TIMEOUT_MS: '200',
  DB_DEADLINE_MS: '400',
  PORT: '0',
  METRICS_PORT: '0',
}

/** Settings for the database of a test, and free ports. */
export async function settingsOf({ mysql, table }: MigratedServer): Promise<Record<string, string>> {
  const { DB_CONNECT_TIMEOUT_MS: _, DB_DEADLINE_MS: __, ...settings } = unreachableDatabase
  return {
    ...settings,
    DB_WRITE_ENDPOINT_ADDRESS: mysql.host,
    DB_READ_ENDPOINT_ADDRESS: mysql.host,
    MYSQL_PORT: String(mysql.port),
    DB_TABLENAME: table,
    DB_PASSWORD: await mysql.password('app'),
  }
}
