import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { repositoryRoot, waitFor } from '@repo/compose'
import { type MigratedServer, startMigrated } from '@repo/db/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { durabilityChecks } from '../src/drill.ts'
import { verifyDurability } from '../src/durability.ts'
import { openHttpClient } from '../src/http.ts'
import { type Attempt, startLoad } from '../src/load.ts'
import { insertion, parentInsertions } from '../src/rows.ts'
import type { Workload } from '../src/workload.ts'
import { workloads } from '../src/workloads/index.ts'

let mysql: MigratedServer['mysql']
let app: ChildProcess
let url: string

beforeAll(async () => {
  const server = await startMigrated()
  mysql = server.mysql
  const env = {
    DB_WRITE_ENDPOINT_ADDRESS: mysql.host,
    DB_READ_ENDPOINT_ADDRESS: mysql.host,
    MYSQL_PORT: String(mysql.port),
    DB_NAME: mysql.database,
    DB_TABLENAME: server.table,
    DB_USER: 'app',
    DB_PASSWORD: await mysql.password('app'),
    PORT: '0',
    METRICS_PORT: '0',
  }
  const main = join(repositoryRoot, 'apps/app/src/main.ts')
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  app = child
  const port = new Promise((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { msg, port } = JSON.parse(line)
      if (msg === 'listening') resolve(port)
    })
  })
  url = `http://127.0.0.1:${await Promise.race([port, once(child, 'exit')])}`
})

afterAll(async () => {
  app?.kill('SIGKILL')
  await mysql?.[Symbol.asyncDispose]()
})

/** Sends some writes to the app, and resolves with all of them. */
async function write(workload: Workload): Promise<readonly Attempt[]> {
  const { send, close } = openHttpClient(url)
  const load = startLoad({ send, workload, writesPerSecond: 100, readsPerSecond: 50 })
  await waitFor('some attempts', () => load.attempts.length >= 60)
  const attempts = await load.stop()
  close()
  return attempts
}

describe.each([...workloads])('the check of the rows of $name', (workload) => {
  const { table, numberedRow } = workload
  const [time] = numberedRow.columns.split(', ')
  let attempts: readonly Attempt[]

  beforeAll(async () => {
    for (const statement of parentInsertions(workload)) await mysql.sql(statement)
    attempts = await write(workload)
  })

  /** The checks that a change of the rows breaks, which is undone. */
  async function brokenBy(change: string): Promise<string[]> {
    const stored = await mysql.sql(
      `START TRANSACTION; ${change}; ${workload.storedSince(attempts[0]?.sentAt ?? 0)}; ROLLBACK`,
    )
    const checks = durabilityChecks(verifyDurability(attempts, stored.split('\n').map(Number)))
    return checks.flatMap(({ ok, promise, measured }) => (ok ? [] : [`${promise}: ${measured.split(' ')[0]}`]))
  }

  it('finds nothing in what the app has stored', async () => {
    expect(await brokenBy('DO 0')).toEqual([])
  })

  it('finds a row that is lost', async () => {
    expect(await brokenBy(`DELETE FROM ${table} ORDER BY id DESC LIMIT 1`)).toEqual(['acknowledged writes lost: 1'])
  })

  it('finds a second row of one request', async () => {
    const sameTime = `(SELECT MAX(${time}) FROM (SELECT ${time} FROM ${table}) AS times)`
    const double = `${insertion(workload, { from: 1, count: 1 })};
      UPDATE ${table} SET ${time} = ${sameTime} ORDER BY id DESC LIMIT 1`
    expect(await brokenBy(double)).toEqual(['rows without a matching request: 1'])
  })
})
