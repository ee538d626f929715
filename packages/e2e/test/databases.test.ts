import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { freeze, openStack, type Stack, thaw } from '@repo/compose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

const run = promisify(execFile)
let stack: Stack
let probes = 0

beforeAll(async () => {
  stack = await openStack({ project: 'three-tier-test-databases', port: 18_081, services: ['db-writer', 'db-reader'] })
  await createTable()
})
afterAll(() => stack?.down())

const createTable = () => stack.sql('db-writer', 'CREATE TABLE testdb.probe (id INT PRIMARY KEY)')

/** Writes a row to the writer and waits until the reader has it. */
async function expectReplication() {
  const id = ++probes
  await stack.sql('db-writer', `INSERT INTO testdb.probe VALUES (${id})`)
  await vi.waitFor(async () => expect(await idsOn('db-reader')).toContain(id), { timeout: 60_000, interval: 200 })
  expect(await idsOn('db-reader')).toEqual(await idsOn('db-writer'))
}

async function idsOn(service: string): Promise<number[]> {
  return (await stack.sql(service, 'SELECT id FROM testdb.probe ORDER BY id')).split('\n').map(Number)
}

async function removeContainer(service: string, { volume }: { volume: boolean }) {
  await stack.compose('rm', '--stop', '--force', service)
  if (volume) await run('docker', ['volume', 'rm', `${stack.project}_${service}-data`])
}

const healthy = (service: string) => stack.exec(service, ['healthcheck.sh'])

/** Logs in over TCP, as the app would, from the reader's container. */
const login = (user: string, password: string, host = 'db-writer', statement = 'SELECT 1') =>
  stack.exec('db-reader', [
    'env',
    `MYSQL_PWD=${password}`,
    'mysql',
    `--host=${host}`,
    '--protocol=TCP',
    `--user=${user}`,
    '-e',
    statement,
  ])

const passwordOf = async (user: string) =>
  (await stack.exec('db-writer', ['cat', `/run/credentials/${user}/password`])).trimEnd()

describe('replication', { timeout: 120_000 }, () => {
  it('works on the first start, and the reader refuses writes', async () => {
    await expectReplication()
    await expect(stack.sql('db-reader', 'INSERT INTO testdb.probe VALUES (0)')).rejects.toThrow('super-read-only')
  })

  it('is semi-synchronous: a commit waits for the reader, and at most a second', async () => {
    const state = async (name: string) => (await stack.sql('db-writer', `SHOW STATUS LIKE '${name}'`)).split('\t')[1]
    await vi.waitFor(async () => expect(await state('Rpl_semi_sync_source_status')).toBe('ON'), { timeout: 10_000 })
    const acknowledged = Number(await state('Rpl_semi_sync_source_yes_tx'))
    await expectReplication()
    expect(Number(await state('Rpl_semi_sync_source_yes_tx'))).toBe(acknowledged + 1)

    const [reader = ''] = await stack.containers('db-reader')
    await freeze(reader)
    try {
      const started = performance.now()
      await stack.sql('db-writer', `INSERT INTO testdb.probe VALUES (${++probes})`)
      expect(performance.now() - started).toBeGreaterThan(1000)
      expect(performance.now() - started).toBeLessThan(4000)
    } finally {
      await thaw(reader)
    }
    await vi.waitFor(async () => expect(await state('Rpl_semi_sync_source_status')).toBe('ON'), { timeout: 20_000 })
    await expectReplication()
  })

  it('survives restarts of the reader, of the writer, and of both at once', async () => {
    for (const services of [['db-reader'], ['db-writer'], ['db-reader', 'db-writer']]) {
      await stack.compose('restart', ...services)
      await stack.up()
      await expectReplication()
    }
  })

  it('survives the loss of either container', async () => {
    for (const service of ['db-reader', 'db-writer']) {
      await removeContainer(service, { volume: false })
      await stack.up()
      await expectReplication()
    }
  })

  it('survives down and up', async () => {
    await stack.compose('down')
    await stack.up()
    await expectReplication()
  })

  it("survives the loss of the reader's volume", async () => {
    await removeContainer('db-reader', { volume: true })
    await stack.up()
    await expectReplication()
  })

  it('survives binary logs purged while the reader was away', async () => {
    await stack.compose('stop', 'db-reader')
    await stack.sql(
      'db-writer',
      `INSERT INTO testdb.probe VALUES (${++probes}); FLUSH BINARY LOGS; PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY`,
    )
    await stack.compose('start', 'db-reader')
    await expectReplication()
    expect(await stack.logs('db-reader')).toContain('cloning again')
  })

  it("follows a new writer after the old one's volume was lost, and keeps its old data aside", async () => {
    await removeContainer('db-writer', { volume: true })
    await stack.up()
    await createTable()
    await expectReplication()
    expect(await stack.exec('db-reader', ['ls', '/var/lib/mysql'])).toContain('data.aside')
  })

  it('leaves the reader serving while the writer is away', async () => {
    await stack.compose('stop', 'db-writer')
    await stack.compose('restart', 'db-reader')
    await vi.waitFor(() => healthy('db-reader'), { timeout: 20_000, interval: 200 })
    expect(await idsOn('db-reader')).toContain(probes)
    await stack.up()
    await expectReplication()
  })
})

describe('the health check fails', { timeout: 60_000 }, () => {
  it('on a reader that does not apply', async () => {
    await healthy('db-reader')
    await stack.sql('db-reader', 'STOP REPLICA SQL_THREAD')
    await expect(healthy('db-reader')).rejects.toThrow()
    await stack.sql('db-reader', 'START REPLICA SQL_THREAD')
    await healthy('db-reader')
  })

  it('on a reader that the writer refuses, and not on one that cannot reach it', async () => {
    const reconnect = () => stack.sql('db-reader', 'STOP REPLICA IO_THREAD; START REPLICA IO_THREAD')
    // Unlogged, so that the reader still lets the check itself in.
    const setPassword = (password: string) =>
      stack.sql('db-writer', `SET sql_log_bin = 0; ALTER USER replication@'%' IDENTIFIED BY '${password}'`)

    await setPassword('another')
    await reconnect()
    await vi.waitFor(() => expect(healthy('db-reader')).rejects.toThrow(), { timeout: 30_000, interval: 500 })
    await setPassword(await passwordOf('replication'))
    await vi.waitFor(() => healthy('db-reader'), { timeout: 20_000, interval: 500 })

    const [writer = ''] = await stack.containers('db-writer')
    for (const [away, back] of [
      [freeze, thaw],
      [() => stack.compose('stop', 'db-writer'), () => stack.compose('start', 'db-writer')],
    ] as const) {
      await away(writer)
      try {
        const state =
          "SELECT CONCAT(SERVICE_STATE, ' ', LAST_ERROR_NUMBER) FROM performance_schema.replication_connection_status"
        await vi.waitFor(async () => expect(await stack.sql('db-reader', state)).toMatch(/^CONNECTING 2\d{3}$/), {
          timeout: 40_000,
          interval: 200,
        })
        await healthy('db-reader')
      } finally {
        await back(writer)
      }
      await vi.waitFor(() => healthy('db-writer'), { timeout: 30_000, interval: 200 })
      await expectReplication()
    }
  }, 180_000)

  it('on a writer that is read-only', async () => {
    await healthy('db-writer')
    await stack.sql('db-writer', 'SET GLOBAL read_only = ON')
    await expect(healthy('db-writer')).rejects.toThrow()
    await stack.sql('db-writer', 'SET GLOBAL read_only = OFF')
    await healthy('db-writer')
  })
})

describe('passwords', { timeout: 60_000 }, () => {
  it('are not in inspect, logs or process lists', async () => {
    const passwords = await Promise.all(['app', 'migrator', 'replication'].map(passwordOf))
    expect(new Set(passwords).size).toBe(3)
    for (const service of ['db-writer', 'db-reader']) {
      const [id = ''] = await stack.containers(service)
      const seen = [
        (await run('docker', ['inspect', id])).stdout,
        (await run('docker', ['top', id])).stdout,
        await stack.logs(service),
      ]
      for (const password of passwords) {
        expect(password).toHaveLength(32)
        expect(seen.join('\n')).not.toContain(password)
      }
    }
  })

  it('are in step again after a file was changed or lost', async () => {
    const odd = `it's an "odd" \\ one`
    await stack.exec('db-writer', [
      'bash',
      '-c',
      'cd /run/credentials && rm -f migrator/password replication/password app/password && printf %s "$1" >app/password',
      '-',
      odd,
    ])
    await stack.compose('restart', 'db-writer')
    await vi.waitFor(() => login('app', odd), { timeout: 30_000, interval: 200 })
    await login('migrator', await passwordOf('migrator'))
    await expectReplication()
    await healthy('db-writer')
    await healthy('db-reader')
  })
})

describe('rights', () => {
  it('root is not let in over TCP', async () => {
    for (const host of ['db-writer', 'db-reader'])
      await expect(login('root', '', host)).rejects.toThrow('Access denied')
  })

  it('the app may do nothing that it was not granted', async () => {
    const password = await passwordOf('app')
    await expect(login('app', password, 'db-writer', 'SELECT * FROM testdb.probe')).rejects.toThrow('denied')
    await expect(login('app', password, 'db-writer', 'CREATE TABLE testdb.mine (id INT)')).rejects.toThrow('denied')
  })

  it('the migrator owns the schema and nothing else', async () => {
    const password = await passwordOf('migrator')
    await login('migrator', password, 'db-writer', 'CREATE TABLE testdb.t (id INT); GRANT SELECT ON testdb.t TO app')
    await login('app', await passwordOf('app'), 'db-writer', 'SELECT * FROM testdb.t')
    await expect(login('migrator', password, 'db-writer', 'CREATE DATABASE other')).rejects.toThrow('denied')
    await expect(login('migrator', password, 'db-writer', 'CREATE USER other')).rejects.toThrow('denied')
  })
})

describe('a promoted reader', { timeout: 60_000 }, () => {
  it('has every acknowledged row, accepts writes, and stays promoted over a restart', async () => {
    const id = ++probes
    await stack.sql('db-writer', `INSERT INTO testdb.probe VALUES (${id})`)
    await stack.compose('kill', 'db-writer')
    await stack.exec('db-reader', ['promote.sh'])
    expect(await idsOn('db-reader')).toContain(id)
    await stack.sql('db-reader', `INSERT INTO testdb.probe VALUES (${++probes})`)
    await stack.compose('restart', 'db-reader')
    await vi.waitFor(() => healthy('db-reader'), { timeout: 20_000, interval: 200 })
    await stack.sql('db-reader', `INSERT INTO testdb.probe VALUES (${++probes})`)
  })
})
