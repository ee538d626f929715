import { docker, waitFor } from '@repo/compose'
import { afterAll, beforeAll, expect } from 'vitest'
import { startCommand } from './command.ts'
import { restoreTopology, topology } from './topology.ts'

/** The newest row that was inserted, by its id. */
export let probes = 0

/** Registers the hooks of a file whose tests have the databases of the topology for themselves. */
export function useDatabases(): void {
  beforeAll(async () => {
    // The statements of the app would be in counts of statements, and without the app the other tiers are unhealthy.
    await topology.compose('stop', '--timeout', '1', 'alb', 'web', 'nlb', 'app')
    await createTable()
  })
  afterAll(async () => {
    await removeDatabases('db-writer-data', 'db-reader-data', 'db-epoch')
    await restoreTopology()
  })
}

const createTable = () => topology.sql('db-writer', 'CREATE TABLE testdb.probe (id INT PRIMARY KEY)')
export const insertProbe = (service = 'db-writer') =>
  topology.sql(service, `INSERT INTO testdb.probe VALUES (${++probes})`)

/** Inserts a row on the writer, and waits until the reader has the same rows. */
export async function expectReplication() {
  await insertProbe()
  await waitFor('the row on the reader', async () => (await idsOn('db-reader')).includes(probes))
  expect(await idsOn('db-reader')).toEqual(await idsOn('db-writer'))
}

export async function idsOn(service: string): Promise<number[]> {
  return (await topology.sql(service, 'SELECT id FROM testdb.probe ORDER BY id')).split('\n').map(Number)
}

/** The server that may alone have what it has acknowledged, and since when; empty if there is none. */
export const oneCopy = (service = 'db-writer') =>
  topology.exec(service, ['bash', '-c', 'cat /var/lib/db-epoch/one-copy 2>/dev/null || true'])

/** Waits until the reader was seen to have everything that was acknowledged. */
export const completeCopies = () =>
  waitFor('two complete copies', async () => (await isHealthy('db-writer')) && (await oneCopy()) === '')

export const startDatabases = () => topology.up('db-writer', 'db-reader')

export async function removeContainers(services: readonly string[], { volumes }: { volumes: boolean }) {
  await topology.compose('kill', ...services)
  await topology.compose('rm', '--force', ...services)
  if (volumes) await removeVolumes(...services.map((service) => `${service}-data`))
}

const removeVolumes = (...volumes: readonly string[]) =>
  docker(['volume', 'rm', ...volumes.map((volume) => `${topology.project}_${volume}`)])

/** Removes both containers, and these volumes. */
export async function removeDatabases(...volumes: readonly string[]) {
  await removeContainers(['db-writer', 'db-reader'], { volumes: false })
  await removeVolumes(...volumes)
}

/** Both databases anew, without data. */
export async function recreateDatabases() {
  await removeDatabases('db-writer-data', 'db-reader-data', 'db-epoch')
  await startDatabases()
  await createTable()
}

export const env = { ...topology.env, COMPOSE_PROJECT_NAME: topology.project }
export const run = (script: string, ...args: string[]) => startCommand(script, args, { env }).result()

/** Runs a command again and again: interrupts it at each of these lines, then lets it finish. */
export async function runInterrupted(script: string, ...lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    const command = startCommand(script, [], { env })
    await waitFor(line, () => command.output().includes(line) || command.child.exitCode !== null)
    command.child.kill('SIGINT')
    await command.result()
  }
  expect((await run(script)).output).toContain('✓')
}

export const checkHealth = (service: string) => topology.exec(service, ['healthcheck.sh'])

export async function isHealthy(service: string): Promise<boolean> {
  await checkHealth(service)
  return true
}

/** Waits until the health check fails with this text. */
export const unhealthy = (service: string, reason: string) =>
  waitFor(`${service} to be unhealthy: ${reason}`, () =>
    checkHealth(service).then(
      () => false,
      ({ stdout }) => String(stdout).includes(reason),
    ),
  )

/** The databases that accept writes. */
export async function writable(): Promise<string[]> {
  const answers = await Promise.all(
    ['db-writer', 'db-reader'].map(async (service) => {
      const readOnly = await topology.sql(service, 'SELECT @@GLOBAL.read_only').catch(() => '1')
      return readOnly === '0' ? [service] : []
    }),
  )
  return answers.flat()
}

/** Logs in over TCP from the reader's container, as the app does. */
export const login = (user: string, password: string, host = 'db-writer', statement = 'SELECT 1') =>
  topology.exec('db-reader', [
    'env',
    `MYSQL_PWD=${password}`,
    'mysql',
    `--host=${host}`,
    '--protocol=TCP',
    `--user=${user}`,
    '-e',
    statement,
  ])

export const passwordOf = async (user: string) =>
  (await topology.exec('db-writer', ['cat', `/run/credentials/${user}/password`])).trimEnd()

/** The health check succeeds on a reader that has lost its connection to the writer. */
export async function expectHealthyWithoutWriter(): Promise<void> {
  const state =
    "SELECT CONCAT(SERVICE_STATE, ' ', LAST_ERROR_NUMBER) FROM performance_schema.replication_connection_status"
  await waitFor('the reader to have lost its connection', async () =>
    /^CONNECTING 2\d{3}$/.test(await topology.sql('db-reader', state)),
  )
  await checkHealth('db-reader')
}
