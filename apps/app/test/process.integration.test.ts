import { Agent, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { startMigrated } from '@repo/db/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type MainProcess, type Migrated, settingsFor, startMain } from './start-main.ts'

let mysql: Migrated
let settings: Record<string, string>
const started: MainProcess[] = []

beforeAll(async () => {
  mysql = (await startMigrated()).mysql
  settings = { ...(await settingsFor(mysql)), DRAIN_DELAY_MS: '300' }
  // More than the sockets on the way hold, so that a list which nobody reads gets stuck in its middle.
  await mysql.sql(
    `SET SESSION cte_max_recursion_depth = 400000; INSERT INTO testtable (dt)
     WITH RECURSIVE n AS (SELECT 0 i UNION ALL SELECT i + 1 FROM n WHERE i < 399999)
     SELECT TIMESTAMPADD(SECOND, i, '2026-01-01') FROM n`,
  )
})

afterEach(() => {
  for (const { child } of started.splice(0)) child.kill('SIGKILL')
})

afterAll(() => mysql?.[Symbol.asyncDispose]())

function start(environment: NodeJS.ProcessEnv): MainProcess {
  const main = startMain(environment)
  started.push(main)
  return main
}

/** Waits until it listens. */
async function listening(overrides: Record<string, string> = {}) {
  const main = start({ ...settings, ...overrides })
  return { ...main, port: await main.port }
}

function open(port: number, path: string, agent: Agent | false = false): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ port, path, agent }, resolve).on('error', reject).end()
  })
}

describe('SIGTERM', () => {
  it('lets a save in hand commit and be answered, then ends with 0', async () => {
    const { child, port, exitCode } = await listening()
    // The lock keeps the statement waiting at the server while the process is told to stop.
    const before = Number(await mysql.sql('SELECT COUNT(*) FROM testtable'))
    const underWay = (info: string) => async () =>
      expect(
        await mysql.sql(
          `SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE '${info}' AND ID <> CONNECTION_ID()`,
        ),
      ).toBe('1')
    const locked = mysql.sql('LOCK TABLES testtable READ; DO SLEEP(1.5); UNLOCK TABLES')
    await vi.waitFor(underWay('DO SLEEP%'))
    const saving = open(port, '/write')
    await vi.waitFor(underWay('INSERT%'))
    child.kill('SIGTERM')
    const response = await saving
    expect(response.statusCode).toBe(200)
    expect(await text(response)).toMatch(/^Saved: /)
    await locked
    expect(await exitCode).toBe(0)
    expect(Number(await mysql.sql('SELECT COUNT(*) FROM testtable'))).toBe(before + 1)
  })

  it('lets a list in the middle of its stream go on to its end', async () => {
    const rows = Number(await mysql.sql('SELECT COUNT(*) FROM testtable'))
    const { child, port, exitCode } = await listening()
    const response = await open(port, '/read')
    // Nothing is read yet, so the server is stuck in the middle.
    child.kill('SIGTERM')
    await delay(500)
    expect(JSON.parse(await text(response))).toHaveLength(rows)
    expect(await exitCode).toBe(0)
  })

  it('goes on serving at first, as unhealthy, so that balancers notice', async () => {
    const { child, port, exitCode } = await listening({ DRAIN_DELAY_MS: '4000' })
    child.kill('SIGTERM')
    while ((await open(port, '/healthz')).statusCode !== 503) await delay(20)
    const response = await open(port, '/write')
    expect(response.statusCode).toBe(200)
    expect(response.headers.connection).toBe('close')
    expect(await exitCode).toBe(0)
    await expect(open(port, '/healthz')).rejects.toThrow(/ECONNREFUSED/)
  })

  it('gives up at its deadline and ends with 1', async () => {
    const { child, port, exitCode } = await listening({ DRAIN_DELAY_MS: '0', DRAIN_DEADLINE_MS: '500' })
    const stalled = await open(port, '/read')
    stalled.on('error', () => {})
    child.kill('SIGTERM')
    expect(await exitCode).toBe(1)
  })
})

describe('main', () => {
  it('ends a connection after 200 requests, so that connections are balanced anew', async () => {
    const { port } = await listening()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const connections: (string | undefined)[] = []
    for (let i = 0; i < 201; i += 1) {
      const response = await open(port, '/healthz', agent)
      connections.push(response.headers.connection)
      await text(response)
    }
    agent.destroy()
    expect(connections.flatMap((value, at) => (value === 'close' ? [at] : []))).toEqual([199])
  })

  it('ends with 1 and names every problem when the environment is wrong', async () => {
    const { exitCode, complaint } = start({ PORT: 'x' })
    expect(await exitCode).toBe(1)
    for (const name of ['DB_WRITE_ENDPOINT_ADDRESS', 'DB_READ_ENDPOINT_ADDRESS', 'DB_PASSWORD_FILE', 'PORT']) {
      expect(await complaint).toContain(name)
    }
  })

  it('ends with 1 when the port is taken', async () => {
    const { port } = await listening()
    const { exitCode, complaint } = start({ ...settings, PORT: String(port) })
    expect(await exitCode).toBe(1)
    expect(await complaint).toContain('EADDRINUSE')
  })

  it('starts without a database, and says which endpoint it misses', async () => {
    const { port } = await listening({ DB_WRITE_ENDPOINT_ADDRESS: 'nowhere.invalid', DB_CONNECT_TIMEOUT_MS: '200' })
    expect((await open(port, '/healthz')).statusCode).toBe(200)
    const ready = await open(port, '/readyz')
    expect(ready.statusCode).toBe(503)
    expect(JSON.parse(await text(ready))).toMatchObject({ writer: 'failed', reader: 'ok' })
  })
})
