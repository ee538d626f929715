import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { docker, freePort, openProject, repositoryRoot, testProject, waitFor } from '@repo/compose'
import { copyCheckout } from '@repo/compose/testing'
import { parentInsertions } from '@repo/drills/rows.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startCommand, succeeded } from './command.ts'
import { describeResource, resource, send } from './resource.ts'
import { restoreTopology, topology } from './topology.ts'

let checkout: string
let env: Record<string, string>
let url: string

beforeAll(async () => {
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  env = { COMPOSE_PROJECT_NAME: testProject('light'), WEB_PORT: String(port) }
  checkout = await copyCheckout()
  // Never two topologies at a time.
  await topology.compose('stop', '--timeout', '1')
})
afterAll(async () => {
  await docker(['compose', 'down', '--volumes', '--rmi', 'all', '--timeout', '0'], { cwd: checkout, env })
  await rm(checkout, { recursive: true })
  await restoreTopology()
})

/** Runs what `npm start` runs once everything is installed. */
const start = async (...options: string[]) =>
  (
    await promisify(execFile)('bash', ['--norc', 'scripts/start.sh', ...options], {
      cwd: checkout,
      env: { ...process.env, ...env },
    })
  ).stdout

const run = (script: string, ...args: string[]) => startCommand(script, args, { env, root: checkout }).result()

/** The containers by service. */
const running = async () =>
  (await docker(['compose', 'ps', '--format', '{{.Service}}'], { cwd: checkout, env })).split('\n').sort()

const listed = async () => resource().listed(await send({ method: 'GET', path: resource().listPath }, url))

describeResource('npm start -- --light', () => {
  // Before this file has a topology of its own.
  it('is what every page and route works on', async () => {
    const vitest = join(repositoryRoot, 'node_modules/vitest/vitest.mjs')
    const args = [vitest, 'run', '--project', 'light', '--reporter', 'dot']
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: repositoryRoot }).catch(
      ({ stdout, stderr }) => {
        throw new Error(`${stdout}${stderr}`)
      },
    )
    expect(stdout).toMatch(/Tests .*passed/)
  }, 3_600_000)

  it('starts one instance of each tier and no reader, which is ready', async () => {
    expect(await start('--light')).toContain('acknowledged writes are on one machine')
    expect(await running()).toEqual(['alb', 'app', 'db-writer', 'nlb', 'web'])
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    const project = openProject({ name: env.COMPOSE_PROJECT_NAME, folder: checkout })
    for (const statement of parentInsertions(resource())) await project.sql('db-writer', statement)
    expect(resource().acknowledged(await send(resource().write(), url))).toBeDefined()
    expect(await listed()).toHaveLength(1)
    expect(await (await fetch(`${url}/status`)).json()).toMatchObject({
      readsFrom: 'writer',
      readerLagMs: null,
      durability: { copies: 'one' },
    })
  })

  it('shows it in the status', async () => {
    const { code, output } = await run('status.ts')
    expect(code).toBe(0)
    expect(output).toMatch(
      /^ {2}db-writer-1 +up .*, healthy +current writer, epoch 1 · writes are on one machine, as intended$/m,
    )
    expect(output).toMatch(/^ {2}db-reader +none \(--light\)$/m)
  })

  it('raises no alert', async () => {
    const script =
      "fetch('http://127.0.0.1:9464/metrics').then((r) => r.text()).then((t) => console.log(/^database_acknowledged_on_one .*$/m.exec(t)[0]))"
    const value = await docker(['compose', 'exec', '--no-TTY', 'app', 'node', '-e', script], { cwd: checkout, env })
    expect(value).toBe('database_acknowledged_on_one 0')
  })

  it.each(['failover.ts', 'rejoin.ts'])('has no second database for %s', async (script) => {
    const { code, output } = await run(script, '--yes')
    expect([code, output]).toEqual([1, '✗ This topology has no reader. To start both databases: npm start\n'])
  })

  it('is replaced with npm start, which keeps the data', async () => {
    await start()
    expect(await running()).toEqual(['alb', 'app', 'app', 'db-reader', 'db-writer', 'nlb', 'web', 'web'])
    await waitFor('the row in the list', async () => (await listed())?.length === 1)
    expect((await run('status.ts')).output).toContain('writes are on two machines')
  })

  it("initializes no empty database beside the reader's data, after the loss of the epoch and of the writer's data", async () => {
    await docker(['compose', 'down', '--timeout', '1'], { cwd: checkout, env })
    await docker([
      'volume',
      'rm',
      ...['db-epoch', 'db-writer-data'].map((name) => `${env.COMPOSE_PROJECT_NAME}_${name}`),
    ])
    await expect(start('--light')).rejects.toMatchObject({
      stderr: expect.stringContaining('No data, but the volume of db-reader has some. To use it: npm start'),
    })
    await expect(start()).rejects.toMatchObject({ stderr: expect.stringContaining('npm run failover') })
    expect(await run('failover.ts')).toEqual(succeeded)
    expect(await run('rejoin.ts')).toEqual(succeeded)
    await start()
    await waitFor('the row in the list', async () => (await listed())?.length === 1)
  })
})
