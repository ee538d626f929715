import { spawnSync } from 'node:child_process'
import { docker, freeze, repositoryRoot, thaw, waitFor } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { succeeded } from './command.ts'
import {
  completeCopies,
  env,
  expectHealthyWithoutWriter,
  expectReplication,
  idsOn,
  insertProbe,
  isHealthy,
  login,
  oneCopy,
  passwordOf,
  probes,
  removeContainers,
  removeDatabases,
  run,
  runInterrupted,
  startDatabases,
  unhealthy,
  useDatabases,
  writable,
} from './databases.ts'
import { topology } from './topology.ts'

useDatabases()

/** Keeps the writer from becoming read-only. */
async function lockTable(): Promise<void> {
  const lock = 'LOCK TABLES testdb.probe WRITE; SELECT SLEEP(300)'
  await topology.exec('db-writer', ['bash', '-c', `mysql -e '${lock}' >/dev/null 2>&1 &`])
  const count = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO = 'SELECT SLEEP(300)'"
  await waitFor('the lock', async () => (await topology.sql('db-writer', count)) === '1')
}

describe('replication', () => {
  it.each(['db-reader', 'db-writer'])('survives a restart and the loss of the container of %s', async (service) => {
    await topology.compose('restart', service)
    await startDatabases()
    await expectReplication()
    await removeContainers([service], { volumes: false })
    await startDatabases()
    await expectReplication()
  })

  it.each([['restart'], ['kill']])(
    'applies what the reader has received, also after a %s of the reader while its writer is lost',
    async (how) => {
      await expectReplication()
      await topology.sql('db-reader', 'STOP REPLICA SQL_THREAD')
      await insertProbe()
      await topology.compose('kill', 'db-writer')
      await topology.compose(how, 'db-reader')
      await topology.compose('start', 'db-reader')
      await waitFor('the row on the reader', async () => (await idsOn('db-reader')).includes(probes))
      await startDatabases()
      await expectReplication()
    },
  )

  it('applies what the reader has received, also after the loss of the epoch volume', async () => {
    await topology.sql('db-reader', 'STOP REPLICA SQL_THREAD')
    await insertProbe()
    await removeDatabases('db-epoch')
    await topology.compose('up', '--detach', 'db-writer', 'db-reader')
    await unhealthy('db-reader', 'npm run failover')
    await waitFor('the row on the reader', async () => (await idsOn('db-reader')).includes(probes))
    expect(await run('failover.ts')).toEqual(succeeded)
    await expectReplication()
  })

  it('keeps the data of a reader that has more than its writer, until it is told to set it aside', async () => {
    await topology.sql('db-reader', 'SET GLOBAL super_read_only = OFF')
    await insertProbe('db-reader')
    await topology.compose('restart', 'db-reader')
    await unhealthy('db-reader', 'npm run rejoin')
    expect(await idsOn('db-reader')).toContain(probes)
    expect(await writable()).toEqual(['db-writer'])

    await topology.exec('db-reader', ['request.sh', 'follow', 'set-aside'])
    await waitFor('the reader to be healthy', () => isHealthy('db-reader'))
    await expectReplication()
    expect(await topology.exec('db-reader', ['ls', '/var/lib/mysql'])).toMatch(/^data\.2\d{3}-.*Z$/m)
  })

  it('survives binary logs purged while the reader was stopped', async () => {
    await topology.compose('kill', 'db-reader')
    await insertProbe()
    await topology.sql('db-writer', 'FLUSH BINARY LOGS; PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY')
    await topology.compose('start', 'db-reader')
    await expectReplication()
    expect(await topology.logs('db-reader')).toContain('cloning again')
  })

  it('leaves the mark when the writer stops and cannot become read-only before', async () => {
    await expectReplication()
    await completeCopies()
    await lockTable()
    await topology.compose('stop', 'db-writer')
    expect(await oneCopy('db-reader')).toMatch(/^writer 2/)
    await startDatabases()
    await expectReplication()
  })
})

describe('without an epoch', () => {
  it("serves reads after the loss of the epoch volume and of the reader's", async () => {
    await expectReplication()
    await removeDatabases('db-epoch', 'db-reader-data')
    await topology.compose('up', '--detach', 'db-writer', 'db-reader')
    await unhealthy('db-writer', 'npm run failover')
    const password = await passwordOf('app')
    await waitFor('reads from the writer', async () => Boolean(await login('app', password)))
    expect(await writable()).toEqual([])
    expect(await run('failover.ts')).toEqual(succeeded)
    await expectReplication()
  })

  it.each([
    ['db-writer', 'db-reader'],
    ['db-reader', 'db-writer'],
  ])('initializes no empty database beside data of %s that was set aside', async (database, other) => {
    await expectReplication()
    const folder = '/var/lib/mysql/data.2026-01-01T00-00-00Z'
    await topology.exec(database, ['mv', '/var/lib/mysql/data', folder])
    await removeDatabases('db-epoch', `${other}-data`)
    await topology.compose('up', '--detach', 'db-writer', 'db-reader')
    const command = `docker compose exec ${database} mv ${folder} /var/lib/mysql/data`
    await unhealthy('db-writer', command)
    await topology.compose(...command.split(' ').slice(2))
    await unhealthy('db-writer', 'npm run failover')
    expect(await run('failover.ts')).toEqual(succeeded)
    expect(await run('rejoin.ts')).toEqual(succeeded)
    await expectReplication()
  })
})

describe('the health check', () => {
  it('succeeds on a reader whose writer is frozen', async () => {
    const [writer = ''] = await topology.containers('db-writer')
    await freeze(writer)
    try {
      await expectHealthyWithoutWriter()
    } finally {
      await thaw(writer)
    }
    await waitFor('the writer to be healthy', () => isHealthy('db-writer'))
    await expectReplication()
  })
})

/** Without --yes failover refuses, and says why. */
async function expectConfirmation(reason: string) {
  const { code, output } = await run('failover.ts')
  expect(output).toContain(reason)
  expect(output).toContain('--yes')
  expect(code).toBe(2)
  expect(await writable()).toEqual([])
  expect(await run('failover.ts', '--yes')).toEqual(succeeded)
}

describe('npm run failover', () => {
  const stopServer = (service: string) =>
    topology.exec(service, ['bash', '-c', 'kill -STOP "$(</run/mysqld/mysqld.pid)"'])

  it('does not stop the writer while the reader hangs', async () => {
    await stopServer('db-reader')
    const { code, output } = await run('failover.ts')
    expect(output).toContain('To restart it: docker compose restart db-reader')
    expect(code).toBe(1)
    await insertProbe()
    await topology.exec('db-reader', ['bash', '-c', 'kill -CONT "$(</run/mysqld/mysqld.pid)"'])
    await expectReplication()
  })

  it('status names the command for a writer that hangs, and failover replaces it', async () => {
    await expectReplication()
    const [writer = ''] = await topology.containers('db-writer')
    await freeze(writer)
    expect((await run('status.ts')).output).toContain(
      'db-writer, the current writer, does not respond. To restart it: docker compose restart db-writer',
    )
    expect(await run('failover.ts')).toEqual(succeeded)
    expect(await writable()).toEqual(['db-reader'])
    expect(await idsOn('db-reader')).toContain(probes)
    expect(await run('rejoin.ts')).toEqual(succeeded)
    await expectReplication()
  })

  it.each([
    ['hangs', () => stopServer('db-writer')],
    ['answers, but cannot stop accepting writes', lockTable],
  ])('ends a writer that %s', async (_, hang) => {
    await expectReplication()
    await hang()
    const { code, output } = await run('failover.ts')
    expect(output).toContain('Killing the container of db-writer')
    expect(code).toBe(0)
    expect(await writable()).toEqual(['db-reader'])
    expect(await idsOn('db-reader')).toContain(probes)
    expect(await run('rejoin.ts')).toEqual(succeeded)
    await expectReplication()
  })

  it('waits until a reader that returns has what the writer has acknowledged alone', async () => {
    await topology.compose('kill', 'db-reader')
    await insertProbe()
    expect(await run('failover.ts')).toEqual(succeeded)
    expect(await writable()).toEqual(['db-reader'])
    expect(await idsOn('db-reader')).toContain(probes)
    expect(await run('rejoin.ts')).toEqual(succeeded)
    await expectReplication()
  })

  it('asks before it promotes a reader that a partition has cut off, which status names', async () => {
    const [reader = ''] = await topology.containers('db-reader')
    const network = `${topology.project}_app-db`
    await docker(['network', 'disconnect', network, reader])
    await insertProbe()
    expect((await run('status.ts')).output).toMatch(/current writer, epoch \d+ · writes are on one machine since 2/)
    await topology.compose('kill', 'db-writer')
    await docker(['network', 'connect', '--alias', 'db-reader', network, reader])
    expect((await run('status.ts')).output).toContain('db-reader may lack what db-writer has acknowledged since 2')
    expect(await run('failover.ts')).toMatchObject({ code: 2 })
    await topology.compose('start', 'db-writer')
    await completeCopies()
    expect(await idsOn('db-reader')).toContain(probes)
  })

  it('promotes a reader that has not followed the latest epoch only with --yes', async () => {
    await topology.exec('db-reader', ['bash', '-c', 'echo 0 >/var/lib/mysql/data/epoch'])
    await topology.compose('kill', 'db-writer')
    await expectConfirmation('Rows that were saved since can be missing')
    expect(await writable()).toEqual(['db-reader'])
  })

  it("returns to the former writer after the loss of the promoted reader's data only with --yes", async () => {
    await insertProbe('db-reader')
    await removeContainers(['db-reader'], { volumes: true })
    await expectConfirmation('without the rows that were saved since')
    expect(await writable()).toEqual(['db-writer'])
    expect(await run('rejoin.ts')).toEqual(succeeded)
    await expectReplication()
  })

  it('chooses no copy while each has what the other lacks', async () => {
    await topology.sql('db-reader', 'STOP REPLICA; SET GLOBAL super_read_only = OFF')
    await insertProbe()
    await insertProbe('db-reader')
    await removeDatabases('db-epoch')
    const { code, output } = await run('failover.ts')
    expect(output).toContain('each have transactions that the other lacks. Nothing was changed')
    expect(code).toBe(1)
    expect(await writable()).toEqual([])

    await topology.exec('db-writer', ['promote.sh', 'diverged'])
    expect(await run('rejoin.ts')).toMatchObject({ code: 2 })
    expect(await run('rejoin.ts', '--yes')).toEqual(succeeded)
    await expectReplication()
  })
})

describe('npm run failover and npm run rejoin', () => {
  it('can be interrupted at each step and run again', async () => {
    await runInterrupted('failover.ts', 'stops accepting writes', 'Promoting', 'Killing', 'Moving')
    expect(await writable()).toEqual(['db-reader'])
    expect(await idsOn('db-reader')).toContain(probes)
    await runInterrupted('rejoin.ts', 'db-writer becomes a replica', 'takes over', 'db-reader becomes a replica')
    expect(await writable()).toEqual(['db-writer'])
    await expectReplication()
  })
})

describe('npm run rejoin', () => {
  it('sets data aside that the current server lacks only with --yes', async () => {
    await topology.compose('kill', 'db-reader')
    await insertProbe()
    await topology.compose('kill', 'db-writer')
    await expectConfirmation('db-reader may lack what db-writer has acknowledged')
    const refused = await run('rejoin.ts')
    expect(refused.output).toContain('--yes')
    expect(refused.code).toBe(2)
    const start = spawnSync('bash', ['--norc', 'scripts/start.sh'], {
      cwd: repositoryRoot,
      env: { ...process.env, ...env },
    })
    expect(String(start.stderr)).toContain('npm run rejoin')
    expect(start.status).toBe(1)
    expect(await idsOn('db-writer')).toContain(probes)
    expect(await run('rejoin.ts', '--yes')).toEqual(succeeded)
    expect(await writable()).toEqual(['db-writer'])
    expect(await topology.exec('db-writer', ['ls', '/var/lib/mysql'])).toMatch(/^data\.2\d{3}-.*Z$/m)
    await expectReplication()
  })
})
