import { rm } from 'node:fs/promises'
import { docker, waitFor } from '@repo/compose'
import { afterAll, expect, it } from 'vitest'
import { backUp, dropTable, expectRows, file, folder, secondAfterThis, write } from './backups.ts'
import { succeeded } from './command.ts'
import { killAt, run, start } from './operations.ts'
import { countRows, describeResource, removeRows, resource, send } from './resource.ts'
import { restoreTopology, topology } from './topology.ts'

afterAll(async () => {
  await rm(folder, { recursive: true })
  await restoreTopology()
})

describeResource('npm run restore', () => {
  it('can be killed at each step and run again', async () => {
    await removeRows()
    await backUp('steps')
    await write(4)
    const time = await secondAfterThis()
    await dropTable()
    const args = [file('steps'), '--to', time, '--yes']
    for (const line of ['Replaying', 'Ending the connections', 'Saving what', 'Loading', 'Applying']) {
      await killAt(line, 'restore.ts', args)
      if (line === 'Loading') {
        expect((await run('backup.ts', file('no'))).output).toContain('To complete it, run it again')
        expect((await run('status.ts')).output).toContain('the app is locked out')
      }
    }
    const restore = start('restore.ts', args)
    await waitFor('the restore', () => restore.output().includes('Replaying'))
    // Two at a time would load into one database.
    expect(await run('restore.ts', ...args)).toMatchObject({
      code: 1,
      output: expect.stringContaining('✗ Another restore is running on db-writer.'),
    })
    expect(await restore.result()).toEqual(succeeded)
    await expectRows(4)
    const label = `label=repo.restore=${topology.project}`
    const temporary = () => docker(['ps', '--all', '--quiet', '--filter', label])
    await waitFor('no temporary server is left', async () => (await temporary()) === '')
  })

  it('uses the logs of the server that has them after a failover and a rejoin', async () => {
    await removeRows()
    await backUp('failover')
    await write(2)
    expect(await run('failover.ts')).toEqual(succeeded)
    await waitFor('a write', async () => resource().acknowledged(await send(resource().write())) !== undefined)
    const time = await secondAfterThis()
    const count = await countRows('db-reader')
    await dropTable('db-reader')
    expect(await run('restore.ts', file('failover'), '--to', time, '--yes')).toEqual(succeeded)
    expect(await countRows('db-reader')).toBe(count)
    expect(await run('rejoin.ts')).toEqual(succeeded)
    await expectRows(count)
    // The writer was not cloned, so that both have the logs; now only the reader has.
    await topology.sql(
      'db-writer',
      'FLUSH NO_WRITE_TO_BINLOG BINARY LOGS; PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY',
    )
    const { code, output } = await run('restore.ts', file('failover'), '--to', time, '--yes')
    expect(output).toContain('binary logs of db-reader')
    expect(code).toBe(0)
    await expectRows(count)
  })
})
