import { docker, freeze, thaw, waitFor } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { succeeded } from './command.ts'
import {
  checkHealth,
  completeCopies,
  expectHealthyWithoutWriter,
  expectReplication,
  idsOn,
  insertProbe,
  isHealthy,
  login,
  oneCopy,
  passwordOf,
  probes,
  recreateDatabases,
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

describe('replication', () => {
  it('replicates rows, and the reader refuses writes', async () => {
    await expectReplication()
    await expect(insertProbe('db-reader')).rejects.toThrow('super-read-only')
  })

  it('is semi-synchronous: a commit waits for the reader, but not without end, and not before that is noted', async () => {
    const status = async (name: string) =>
      (await topology.sql('db-writer', `SHOW STATUS LIKE '${name}'`)).split('\t')[1]
    const isOn = async () => (await status('Rpl_semi_sync_source_status')) === 'ON'
    await waitFor('semi-synchronous replication', isOn)
    const acknowledged = Number(await status('Rpl_semi_sync_source_yes_tx'))
    await expectReplication()
    expect(Number(await status('Rpl_semi_sync_source_yes_tx'))).toBe(acknowledged + 1)

    const [reader = ''] = await topology.containers('db-reader')
    await freeze(reader)
    try {
      const startedAt = performance.now()
      await insertProbe()
      expect(performance.now() - startedAt).toBeGreaterThan(500)
      expect(await oneCopy()).toMatch(/^writer 2/)
    } finally {
      await thaw(reader)
    }
    await completeCopies()
    expect(await isOn()).toBe(true)
    await expectReplication()
  })

  it('survives a restart of both servers', async () => {
    await topology.compose('restart', 'db-reader', 'db-writer')
    await startDatabases()
    await expectReplication()
  })

  it('survives the loss of both containers', async () => {
    await removeContainers(['db-reader', 'db-writer'], { volumes: false })
    await startDatabases()
    await expectReplication()
  })

  it("survives the loss of the reader's volume", async () => {
    await removeContainers(['db-reader'], { volumes: true })
    await startDatabases()
    await expectReplication()
  })

  it('leaves a reader that restarts serving while the writer is unavailable', async () => {
    await topology.compose('kill', 'db-writer')
    await topology.compose('restart', 'db-reader')
    await waitFor('the reader to be healthy', () => isHealthy('db-reader'))
    expect(await idsOn('db-reader')).toContain(probes)
    await startDatabases()
    await expectReplication()
  })
})

describe('the health check', () => {
  const isUnhealthy = (service: string) =>
    checkHealth(service).then(
      () => false,
      () => true,
    )

  it('fails on a reader that does not apply', async () => {
    await checkHealth('db-reader')
    await waitFor('the reader to be unhealthy', async () => {
      // start.sh starts an applier that it finds stopped when it sees its source for the first time.
      await topology.sql('db-reader', 'STOP REPLICA SQL_THREAD')
      return isUnhealthy('db-reader')
    })
    await topology.sql('db-reader', 'START REPLICA SQL_THREAD')
    await waitFor('the reader to be healthy', () => isHealthy('db-reader'))
  })

  it('fails on a reader that the writer refuses', async () => {
    const reconnect = () => topology.sql('db-reader', 'STOP REPLICA IO_THREAD; START REPLICA IO_THREAD')
    // Without the binary log, so that the reader still accepts the password of the check itself.
    const setPassword = (password: string) =>
      topology.sql('db-writer', `SET sql_log_bin = 0; ALTER USER replication@'%' IDENTIFIED BY '${password}'`)

    await setPassword('another')
    await reconnect()
    await waitFor('the reader to be unhealthy', () => isUnhealthy('db-reader'))
    await setPassword(await passwordOf('replication'))
    await waitFor('the reader to be healthy', () => isHealthy('db-reader'))
  })

  it('succeeds on a reader whose writer is stopped', async () => {
    await topology.compose('kill', 'db-writer')
    try {
      await expectHealthyWithoutWriter()
    } finally {
      await topology.compose('start', 'db-writer')
    }
    await waitFor('the writer to be healthy', () => isHealthy('db-writer'))
    await expectReplication()
  })

  it('fails on a writer that is read-only', async () => {
    await checkHealth('db-writer')
    await topology.sql('db-writer', 'SET GLOBAL read_only = ON')
    await expect(checkHealth('db-writer')).rejects.toThrow()
    await topology.sql('db-writer', 'SET GLOBAL read_only = OFF')
    await checkHealth('db-writer')
  })
})

describe('the passwords', () => {
  it('are not in inspect, logs or process lists', async () => {
    const passwords = await Promise.all(['app', 'migrator', 'replication'].map(passwordOf))
    expect(new Set(passwords).size).toBe(3)
    for (const service of ['db-writer', 'db-reader']) {
      const [id = ''] = await topology.containers(service)
      const visible = [await docker(['inspect', id]), await docker(['top', id]), await topology.logs(service)].join(
        '\n',
      )
      for (const password of passwords) {
        expect(password).toHaveLength(32)
        expect(visible).not.toContain(password)
      }
    }
  })

  it('match the files after a file was changed or lost', async () => {
    const odd = `it's an "odd" \\ one`
    await topology.exec('db-writer', [
      'bash',
      '-c',
      'cd /run/credentials && rm -f migrator/password replication/password app/password && printf %s "$1" >app/password',
      '-',
      odd,
    ])
    await topology.compose('restart', '--timeout', '0', 'db-writer')
    await waitFor('a login with the changed password', async () => Boolean(await login('app', odd)))
    await login('migrator', await passwordOf('migrator'))
    await expectReplication()
    await checkHealth('db-writer')
    await checkHealth('db-reader')
  })
})

describe('the rights', () => {
  it('of root do not include a login over TCP', async () => {
    for (const host of ['db-writer', 'db-reader']) {
      await expect(login('root', '', host)).rejects.toThrow('Access denied')
    }
  })

  it('of the app include nothing that was not granted', async () => {
    const password = await passwordOf('app')
    await expect(login('app', password, 'db-writer', 'SELECT * FROM testdb.probe')).rejects.toThrow('denied')
    await expect(login('app', password, 'db-writer', 'CREATE TABLE testdb.mine (id INT)')).rejects.toThrow('denied')
  })

  it('of the migrator include the schema and nothing else', async () => {
    const password = await passwordOf('migrator')
    await login('migrator', password, 'db-writer', 'CREATE TABLE testdb.t (id INT); GRANT SELECT ON testdb.t TO app')
    await login('app', await passwordOf('app'), 'db-writer', 'SELECT * FROM testdb.t')
    await expect(login('migrator', password, 'db-writer', 'CREATE DATABASE other')).rejects.toThrow('denied')
    await expect(login('migrator', password, 'db-writer', 'CREATE USER other')).rejects.toThrow('denied')
  })
})

describe('one writer at a time', () => {
  it('refuses to promote the reader while the writer is frozen, and promotes it once the writer is killed', async () => {
    await insertProbe()
    const [writer = ''] = await topology.containers('db-writer')
    await freeze(writer)
    await expect(topology.exec('db-reader', ['promote.sh'])).rejects.toThrow('docker compose kill db-writer')
    await topology.compose('kill', 'db-writer')
    await topology.exec('db-reader', ['promote.sh'])
    expect(await idsOn('db-reader')).toContain(probes)
    await insertProbe('db-reader')
    await topology.compose('restart', 'db-reader')
    await waitFor('the promoted reader to be healthy', () => isHealthy('db-reader'))
    await insertProbe('db-reader')
  })

  it.each([
    ['up', () => topology.compose('up', '--detach', 'db-writer', 'db-reader')],
    ['restart', () => topology.compose('restart', 'db-writer', 'db-reader')],
    [
      'the loss of both containers and a start of the old writer first',
      async () => {
        await removeContainers(['db-writer', 'db-reader'], { volumes: false })
        await topology.compose('up', '--detach', '--no-deps', 'db-writer')
        await unhealthy('db-writer', 'npm run rejoin')
        await topology.compose('up', '--detach', 'db-reader')
      },
    ],
  ])('never lets the old writer accept writes after a promotion: %s', async (_, start) => {
    await start()
    await unhealthy('db-writer', 'npm run rejoin')
    await waitFor('the promoted reader to be healthy', () => isHealthy('db-reader'))
    expect(await writable()).toEqual(['db-reader'])
    await expect(insertProbe('db-writer')).rejects.toThrow('super-read-only')
    await insertProbe('db-reader')
    const ids = await idsOn('db-reader')
    // All but the refused one, and the rows of the tests before that were only on a reader that was set aside.
    expect(ids).toContain(probes)
    expect(ids).not.toContain(probes - 1)
  })

  it('initializes no empty writer after the loss of its volume: reads go on, and the reader can be promoted', async () => {
    await recreateDatabases()
    await expectReplication()
    await removeContainers(['db-writer'], { volumes: true })
    await topology.compose('up', '--detach', 'db-writer')
    await unhealthy('db-writer', 'npm run failover')
    expect(await idsOn('db-reader')).toEqual([probes])
    expect(await writable()).toEqual([])
    // At once, because it waits for hours where that helps.
    const { code, output } = await run('rejoin.ts')
    expect(output).toMatch(/^✗ db-writer: .* its data is lost.* npm run failover$/m)
    expect(code).toBe(1)
    await topology.exec('db-reader', ['promote.sh'])
    expect(await writable()).toEqual(['db-reader'])
    expect(await idsOn('db-reader')).toEqual([probes])
  })

  it.each([
    ['the epoch volume', ['db-epoch']],
    ["the epoch volume and the writer's volume", ['db-epoch', 'db-writer-data']],
  ])('lets no server accept writes after the loss of %s, and reads go on', async (_, volumes) => {
    await removeDatabases(...volumes)
    await topology.compose('up', '--detach', 'db-writer', 'db-reader')
    await unhealthy('db-writer', 'npm run failover')
    await unhealthy('db-reader', 'npm run failover')
    expect(await writable()).toEqual([])
    expect(await idsOn('db-reader')).toEqual([probes])
  })
})

describe('npm run failover and npm run rejoin', () => {
  it('failover finds the complete copy after the loss of the epoch volume, and rejoin clones it', async () => {
    expect(await run('failover.ts')).toEqual(succeeded)
    expect(await writable()).toEqual(['db-reader'])
    const { code, output } = await run('rejoin.ts')
    expect(output).toContain('✓ db-writer accepts writes')
    expect(code).toBe(0)
    expect(await writable()).toEqual(['db-writer'])
    await expectReplication()
  })

  it('failover asks before it promotes a reader without what was acknowledged on the writer alone', async () => {
    await topology.compose('kill', 'db-reader')
    await insertProbe()
    await topology.compose('kill', 'db-writer')
    const { code, output } = await run('failover.ts')
    expect(output).toContain('db-reader may lack what db-writer has acknowledged since 2')
    expect(output).toContain('Without a terminal this needs --yes.')
    expect(code).toBe(2)
    expect(await writable()).toEqual([])

    const [, command = ''] = /bring db-writer back: docker compose (.*)/.exec(output) ?? []
    await topology.compose(...command.split(' '))
    await completeCopies()
    expect(await idsOn('db-reader')).toContain(probes)
  })

  it('can be interrupted and run again', async () => {
    await runInterrupted('failover.ts', 'Promoting')
    expect(await writable()).toEqual(['db-reader'])
    expect(await idsOn('db-reader')).toContain(probes)
    await runInterrupted('rejoin.ts', 'takes over')
    expect(await writable()).toEqual(['db-writer'])
    await expectReplication()
  })
})
