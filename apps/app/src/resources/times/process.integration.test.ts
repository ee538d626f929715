import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { startMigrated } from '@repo/db/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type MainProcess, settingsOf, startMain } from '../../../test/start-main.ts'

let mysql: Awaited<ReturnType<typeof startMigrated>>['mysql']
let settings: Record<string, string>
const started: MainProcess[] = []

beforeAll(async () => {
  const server = await startMigrated()
  mysql = server.mysql
  settings = { ...(await settingsOf(server)), DRAIN_DELAY_MS: '300' }
  // More than the sockets in between hold, so that a list which nobody reads stops in its middle.
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

/** Starts the process, and waits until it listens. */
async function listening(overrides: Record<string, string> = {}) {
  const main = startMain({ ...settings, ...overrides })
  started.push(main)
  return { ...main, port: await main.port }
}

function get(port: number, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ port, path, agent: false }, resolve).on('error', reject).end()
  })
}

/** A statement like `info` is in progress at the server. */
const inProgress = (info: string) =>
  vi.waitFor(
    async () =>
      expect(
        await mysql.sql(
          `SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE '${info}' AND ID <> CONNECTION_ID()`,
        ),
      ).toBe('1'),
    300_000,
  )

describe('SIGTERM', () => {
  it('lets a save in flight commit and respond, then the process exits with 0', async () => {
    const { child, port, exitCode } = await listening()
    const before = Number(await mysql.sql('SELECT COUNT(*) FROM testtable'))
    // The lock keeps the INSERT waiting at the server during the signal.
    const locked = mysql.sql('LOCK TABLES testtable READ; DO SLEEP(1.5); UNLOCK TABLES')
    await inProgress('DO SLEEP%')
    const saving = get(port, '/write')
    await inProgress('INSERT%')
    child.kill('SIGTERM')
    const response = await saving
    expect(response.statusCode).toBe(200)
    expect(await text(response)).toMatch(/^Saved: /)
    await locked
    expect(await exitCode).toBe(0)
    expect(Number(await mysql.sql('SELECT COUNT(*) FROM testtable'))).toBe(before + 1)
  })

  it('lets a list in the middle of its stream end', async () => {
    const rows = Number(await mysql.sql('SELECT COUNT(*) FROM testtable'))
    const { child, port, exitCode } = await listening()
    const response = await get(port, '/read')
    // Nothing is read yet, so the server has stopped in the middle of the list.
    child.kill('SIGTERM')
    await vi.waitFor(() => expect(get(port, '/healthz')).rejects.toThrow(/ECONNREFUSED/), 300_000)
    expect(JSON.parse(await text(response))).toHaveLength(rows)
    expect(await exitCode).toBe(0)
  })

  it('ends the process with 1 at the drain deadline', async () => {
    const { child, port, exitCode } = await listening({ DRAIN_DELAY_MS: '0', DRAIN_DEADLINE_MS: '500' })
    const stalled = await get(port, '/read')
    stalled.on('error', () => {})
    child.kill('SIGTERM')
    expect(await exitCode).toBe(1)
  })
})
