import { Agent, type IncomingMessage, request } from 'node:http'
import { json, text } from 'node:stream/consumers'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { type MainProcess, startMain, unreachableDatabase } from './start-main.ts'

const started: MainProcess[] = []

afterAll(() => {
  for (const { child } of started.splice(0)) child.kill('SIGKILL')
})

function start(environment: NodeJS.ProcessEnv, nodeOptions?: readonly string[]): MainProcess {
  const main = startMain(environment, nodeOptions)
  started.push(main)
  return main
}

function get(port: number, path: string, agent: Agent | false = false): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ port, path, agent }, resolve).on('error', reject).end()
  })
}

describe.concurrent('main.ts', () => {
  it('exits with 1 and names every problem of the environment', async () => {
    const { exitCode, stderr } = start({ PORT: 'x' })
    expect(await exitCode).toBe(1)
    expect(await stderr).toMatch(/^Invalid environment variables:\n/)
    for (const name of ['DB_WRITE_ENDPOINT_ADDRESS', 'DB_READ_ENDPOINT_ADDRESS', 'DB_PASSWORD_FILE', 'PORT']) {
      expect(await stderr).toContain(name)
    }
  })

  it('starts without a database, and exits with 1 when its port is taken', async () => {
    const port = await start(unreachableDatabase).port
    expect((await get(port, '/healthz')).statusCode).toBe(200)
    const ready = await get(port, '/readyz')
    expect(ready.statusCode).toBe(503)
    expect(await json(ready)).toMatchObject({ writer: 'failed', reader: 'failed' })

    const second = start({ ...unreachableDatabase, PORT: String(port) })
    expect(await second.exitCode).toBe(1)
    expect(await second.stderr).toContain('EADDRINUSE')
  })

  it('closes a connection after 200 requests, so that the NLB balances anew', async () => {
    const port = await start(unreachableDatabase).port
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const connections: (string | undefined)[] = []
    for (let i = 0; i < 201; i += 1) {
      const response = await get(port, '/healthz', agent)
      connections.push(response.headers.connection)
      await text(response)
    }
    agent.destroy()
    expect(connections.flatMap((value, at) => (value === 'close' ? [at] : []))).toEqual([199])
  })

  it('still serves after SIGTERM for the drain delay, as unhealthy', async () => {
    const { child, port: listening } = start({ ...unreachableDatabase, DRAIN_DELAY_MS: '60000' })
    const port = await listening
    child.kill('SIGTERM')
    await vi.waitFor(async () => expect((await get(port, '/healthz')).statusCode).toBe(503), 300_000)
    const response = await get(port, '/openapi.json')
    expect(response.statusCode).toBe(200)
    expect(response.headers.connection).toBe('close')
    response.resume()
  })

  it('exits with 0 after the drain delay', async () => {
    const { child, port, exitCode, lines } = start({ ...unreachableDatabase, DRAIN_DELAY_MS: '0' })
    await port
    child.kill('SIGTERM')
    expect(await exitCode).toBe(0)
    // In any order: the lines left at the end are written while an earlier write may still be in progress.
    expect(lines.map(({ msg }) => msg).toSorted()).toEqual(['draining', 'listening', 'stopped'])
  })

  it('logs an uncaught error and exits with 1', async () => {
    const bug = "data:text/javascript,process.on('SIGWINCH', () => { throw new Error('a bug') })"
    const { child, port, exitCode, lines } = start(unreachableDatabase, ['--import', bug])
    await port
    child.kill('SIGWINCH')
    expect(await exitCode).toBe(1)
    expect(lines.find(({ level }) => level === 'fatal')).toMatchObject({
      msg: 'uncaught error, shutting down',
      err: { type: 'Error', message: 'a bug' },
    })
  })
})

describe.concurrent('OpenTelemetry', () => {
  /** Prints each of its modules that is loaded, by import or require: but not its API alone, which prom-client uses. */
  const watcher = `data:text/javascript,${encodeURIComponent(`import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    if (/@opentelemetry.(?!api)/.test(url)) console.error('loads ' + url)
    return next(url, context)
  },
})`)}`

  it.each([
    ['is not loaded without OTEL_EXPORTER_OTLP_ENDPOINT', {}, /^$/],
    ['is loaded with it', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }, /loads /],
  ])('%s', async (_title, settings, loaded) => {
    const { child, port, exitCode, stderr } = start({ ...unreachableDatabase, DRAIN_DELAY_MS: '0', ...settings }, [
      '--import',
      watcher,
    ])
    await port
    child.kill('SIGTERM')
    expect(await exitCode).toBe(0)
    expect(await stderr).toMatch(loaded)
  })
})
