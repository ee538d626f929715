import { startMigrated } from '@repo/db/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type MainProcess, settingsOf, startMain } from './start-main.ts'

let server: Awaited<ReturnType<typeof startMigrated>>
let main: MainProcess | undefined

beforeAll(async () => {
  server = await startMigrated()
})

afterEach(() => void main?.child.kill('SIGKILL'))
afterAll(() => server?.mysql[Symbol.asyncDispose]())

describe('main.ts', () => {
  it.each([
    ['both endpoints answer', {}, 200, { ready: true, writer: 'ok', reader: 'ok' }],
    [
      'the writer is unavailable',
      { DB_WRITE_ENDPOINT_ADDRESS: 'nowhere.invalid' },
      503,
      { ready: false, writer: 'failed', reader: 'ok' },
    ],
    [
      'the reader is unavailable',
      { DB_READ_ENDPOINT_ADDRESS: 'nowhere.invalid' },
      503,
      { ready: false, writer: 'ok', reader: 'failed' },
    ],
  ])('serves while %s, and /readyz reports it', async (_what, overrides, status, readiness) => {
    main = startMain({ ...(await settingsOf(server)), ...overrides })
    const url = `http://127.0.0.1:${await main.port}`
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    const response = await fetch(`${url}/readyz`)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject(readiness)
  })
})
