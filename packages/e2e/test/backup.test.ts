import { copyFile, readdir, readFile, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { afterAll, expect, it } from 'vitest'
import { backUp, dropTable, expectRows, file, folder, secondAfterThis, write } from './backups.ts'
import { succeeded } from './command.ts'
import { run, runWithoutFailure } from './operations.ts'
import { describeResource, list, removeRows } from './resource.ts'
import { restoreTopology, topology } from './topology.ts'

afterAll(async () => {
  await rm(folder, { recursive: true })
  await restoreTopology()
})

const saved = async () => new Set((await readdir(folder)).filter((name) => name.startsWith('before-restore-')))

describeResource('npm run backup', () => {
  it('writes a backup from the reader under load without a failed request, and overwrites none', async () => {
    await removeRows()
    await runWithoutFailure(async () => {
      const { code, output } = await run('backup.ts', file('first'))
      expect(output).toContain('Dumping testdb on db-reader')
      expect(code).toBe(0)
    })
    const bytes = await readFile(file('first'))
    const { code, output } = await run('backup.ts', file('first'))
    expect(output).toBe(`✗ ${file('first')} exists already. A backup overwrites nothing.\n`)
    expect(code).toBe(1)
    expect(await readFile(file('first'))).toEqual(bytes)
    expect(await readdir(folder)).toEqual(['first'])
  })

  it('uses the current server while the reader is stopped', async () => {
    await topology.compose('stop', '--timeout', '1', 'db-reader')
    expect((await run('backup.ts', file('alone'))).output).toContain('Dumping testdb on db-writer')
    await topology.up('db-reader')
  })
})

describeResource('npm run restore', () => {
  it.each([
    ['no file', () => [], 'Usage: npm run restore'],
    ['a file that does not exist', () => [file('nope')], 'There is no file'],
    ['an unknown option', () => [file('first'), '--at', 'x'], "Unknown option '--at'"],
    ['a damaged backup', () => [file('damaged')], 'is not a complete backup'],
    ['another file', () => [join(repositoryRoot, 'package.json')], 'is not a complete backup'],
    ['a time without a zone', () => [file('first'), '--to', '2026-11-22T09:30:00'], 'Invalid --to'],
    ['a day that does not exist', () => [file('first'), '--to', '2026-02-30T09:30:00Z'], 'Invalid --to'],
    ['a time before the backup', () => [file('first'), '--to', '2020-01-01T00:00:00Z'], 'is before the backup'],
    ['a time in the future', () => [file('first'), '--to', '2999-01-01T00:00:00Z'], 'is in the future'],
  ])('refuses %s in one line', async (_, args, message) => {
    await copyFile(file('first'), file('damaged'))
    await truncate(file('damaged'), 500)
    const { code, output } = await run('restore.ts', ...args(), '--yes')
    expect(output).toMatch(/^✗ .*\n$/)
    expect(output).toContain(message)
    expect(code).toBe(1)
  })

  it('changes nothing without --yes where there is no terminal', async () => {
    await removeRows()
    await backUp('empty')
    await write(1)
    const { code, output } = await run('restore.ts', file('empty'))
    expect(output).toContain('--yes')
    expect(code).toBe(2)
    await expectRows(1)
  })

  it('returns to the state of the backup, and saves what was there', async () => {
    const before = await saved()
    const containers = (await topology.list()).map(({ id }) => id)
    expect(await run('restore.ts', file('empty'), '--yes')).toEqual(succeeded)
    await expectRows(0)
    await write(2)
    await expectRows(2)
    expect((await topology.list()).map(({ id }) => id)).toEqual(containers)
    const [added = ''] = (await saved()).difference(before)
    expect(await run('restore.ts', file(added), '--yes')).toEqual(succeeded)
    await expectRows(1)
  })

  it('returns to just before a second, with every row that was acknowledged before', async () => {
    await removeRows()
    await write(5)
    await backUp('some')
    const included = await write(5)
    const time = await secondAfterThis()
    const lost = await write(3)
    expect(await run('rotate-password.ts')).toEqual(succeeded)
    await dropTable()
    const { code, output } = await run('restore.ts', file('some'), '--to', time, '--yes')
    expect(output).toMatch(/^✓ testdb has its state of .* Restored in [\d.]+ s$/m)
    expect(code).toBe(0)
    await expectRows(10)
    expect((await list(included)).status).toBe(200)
    expect((await list(lost)).status).toBe(409)
    await write(1)
    await expectRows(11)
    const later = await secondAfterThis()
    await write(1)
    expect(await run('restore.ts', file('some'), '--to', later, '--yes')).toEqual(succeeded)
    await expectRows(11)
  })

  it('changes nothing when what is there cannot be saved, and the app goes on', async () => {
    await removeRows()
    await write(1)
    // mysqldump fails on it.
    await topology.sql(
      'db-writer',
      'CREATE TABLE testdb.base (id INT); CREATE VIEW testdb.broken AS SELECT * FROM testdb.base; DROP TABLE testdb.base',
    )
    const { code, output } = await run('restore.ts', file('empty'), '--yes')
    expect(output).toContain('The dump failed')
    expect(code).toBe(1)
    await topology.sql('db-writer', 'DROP VIEW testdb.broken')
    await expectRows(1)
    await write(1)
  })

  it('notices a missing binary log before it changes anything', async () => {
    await removeRows()
    await backUp('gap')
    await write(2)
    const time = await secondAfterThis()
    for (const service of ['db-writer', 'db-reader']) {
      await topology.sql(service, 'FLUSH NO_WRITE_TO_BINLOG BINARY LOGS')
      const path = (await topology.sql(service, 'SHOW BINARY LOGS')).split('\n').at(-2)?.split('\t')[0]
      await topology.exec(service, ['rm', `/var/lib/mysql/data/${path}`])
    }
    const damaged = await run('restore.ts', file('gap'), '--to', time, '--yes')
    expect(damaged.output).toContain('✗ No server has every binary log since the backup.')
    expect(damaged.output).toMatch(/db-writer: the binary log binlog\.\d+ is missing or damaged/)
    expect(damaged.code).toBe(1)
    await expectRows(2)
    await write(1)
    for (const service of ['db-writer', 'db-reader']) {
      await topology
        .sql(service, 'FLUSH NO_WRITE_TO_BINLOG BINARY LOGS; PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY')
        .catch(() => {})
    }
    expect((await run('restore.ts', file('gap'), '--to', time, '--yes')).code).toBe(1)
    await expectRows(3)
  })
})
