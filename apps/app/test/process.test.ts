import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { startMigrated } from '@three-tier/db/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

let mysql: Awaited<ReturnType<typeof startMigrated>>['mysql']
let environment: Record<string, string>
const children = new Set<ChildProcess>()

beforeAll(async () => {
  const started = await startMigrated()
  mysql = started.mysql
  environment = {
    PATH: process.env.PATH ?? '',
    DB_WRITE_ENDPOINT_ADDRESS: mysql.host,
    DB_READ_ENDPOINT_ADDRESS: mysql.host,
    MYSQL_PORT: String(mysql.port),
    DB_NAME: 'testdb',
    DB_TABLENAME: 'testtable',
    DB_USER: 'app',
    DB_PASSWORD: await mysql.password('app'),
    PORT: '0',
    METRICS_PORT: '0',
    DRAIN_DELAY_MS: '300',
  }
})

afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
})

afterAll(() => mysql?.[Symbol.asyncDispose]())

/** Starts main.ts as the image does, and waits until it listens. */
async function startMain(overrides: Record<string, string> = {}) {
  const main = join(import.meta.dirname, '../src/main.ts')
  const child = spawn(process.execPath, [main], { env: { ...environment, ...overrides } })
  children.add(child)
  const exited = once(child, 'exit') as Promise<[number | null]>
  const lines: Record<string, unknown>[] = []
  const output = createInterface({ input: child.stdout })
  const port = await new Promise<number>((resolve) => {
    output.on('line', (line) => {
      const entry = JSON.parse(line)
      lines.push(entry)
      if (entry.msg === 'listening') resolve(entry.port)
    })
  })
  return { child, port, lines, exitCode: exited.then(([code]) => code) }
}

function open(port: number, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ port, path, agent: false }, resolve).on('error', reject).end()
  })
}

describe('SIGTERM', () => {
  it('lets a save in hand commit and be answered, then ends with 0', async () => {
    const { child, port, exitCode } = await startMain()
    // The lock keeps the statement waiting at the server while the process is told to stop.
    const before = Number(await mysql.sql('SELECT COUNT(*) FROM testtable'))
    const locked = mysql.sql('LOCK TABLES testtable READ; DO SLEEP(1); UNLOCK TABLES')
    await delay(200)
    const saving = open(port, '/write')
    await delay(100)
    child.kill('SIGTERM')
    const response = await saving
    expect(response.statusCode).toBe(200)
    expect(await text(response)).toMatch(/^Saved: /)
    await locked
    expect(await exitCode).toBe(0)
    expect(Number(await mysql.sql('SELECT COUNT(*) FROM testtable'))).toBe(before + 1)
  })

  it('lets a list in the middle of its stream go on to its end', async () => {
    await mysql.sql(
      `SET SESSION cte_max_recursion_depth = 400000; INSERT INTO testtable (dt)
       WITH RECURSIVE n AS (SELECT 0 i UNION ALL SELECT i + 1 FROM n WHERE i < 399999)
       SELECT TIMESTAMPADD(SECOND, i, '2026-01-01') FROM n`,
    )
    const rows = Number(await mysql.sql('SELECT COUNT(*) FROM testtable'))
    const { child, port, exitCode } = await startMain()
    const response = await open(port, '/read')
    // Nothing is read yet, so the server is stuck in the middle.
    child.kill('SIGTERM')
    await delay(500)
    expect(JSON.parse(await text(response))).toHaveLength(rows)
    expect(await exitCode).toBe(0)
  })

  it('goes on serving at first, as unhealthy, so that balancers notice', async () => {
    const { child, port, exitCode } = await startMain({ DRAIN_DELAY_MS: '4000' })
    child.kill('SIGTERM')
    while ((await open(port, '/healthz')).statusCode !== 503) await delay(20)
    const response = await open(port, '/write')
    expect(response.statusCode).toBe(200)
    expect(response.headers.connection).toBe('close')
    expect(await exitCode).toBe(0)
    await expect(open(port, '/healthz')).rejects.toThrow(/ECONNREFUSED/)
  })

  it('gives up at its deadline and ends with 1', async () => {
    const { child, port, exitCode } = await startMain({ DRAIN_DELAY_MS: '0', DRAIN_DEADLINE_MS: '500' })
    const stalled = await open(port, '/read')
    stalled.on('error', () => {})
    child.kill('SIGTERM')
    expect(await exitCode).toBe(1)
  })
})

describe('main', () => {
  it('ends with 1 and names every problem when the environment is wrong', async () => {
    const main = join(import.meta.dirname, '../src/main.ts')
    const child = spawn(process.execPath, [main], { env: { PATH: process.env.PATH, PORT: 'x' } })
    children.add(child)
    const [complaint, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    expect(code).toBe(1)
    for (const name of ['DB_WRITE_ENDPOINT_ADDRESS', 'DB_READ_ENDPOINT_ADDRESS', 'DB_PASSWORD_FILE', 'PORT']) {
      expect(complaint).toContain(name)
    }
  })

  it('ends with 1 when the port is taken', async () => {
    const { port } = await startMain()
    const main = join(import.meta.dirname, '../src/main.ts')
    const child = spawn(process.execPath, [main], { env: { ...environment, PORT: String(port) } })
    children.add(child)
    const [complaint, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    expect(code).toBe(1)
    expect(complaint).toContain('EADDRINUSE')
  })

  it('starts without a database, and says which endpoint it misses', async () => {
    const { port } = await startMain({ DB_WRITE_ENDPOINT_ADDRESS: 'nowhere.invalid', DB_CONNECT_TIMEOUT_MS: '200' })
    expect((await open(port, '/healthz')).statusCode).toBe(200)
    const ready = await open(port, '/readyz')
    expect(ready.statusCode).toBe(503)
    expect(JSON.parse(await text(ready))).toMatchObject({ writer: 'failed', reader: 'ok' })
  })
})
