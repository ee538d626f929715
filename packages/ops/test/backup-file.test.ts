import { spawn } from 'node:child_process'
import { mkdtempDisposable, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { checkBackup, dumpCommand, openDump, writeBackup } from '../src/backup-file.ts'

const head = "-- MySQL dump\n/* SET @@GLOBAL.GTID_PURGED='6b1c:1-7';*/\nCREATE TABLE t (id INT);\n"
const end = '-- Dump completed on 2026-11-22\n'
const about = { database: 'testdb', server: 'db-writer', epoch: 1 }
const temporaryFolder = () => mkdtempDisposable(join(tmpdir(), 'backup-'))

/** A command that prints this and ends with the status. */
const printing = (output: string, status = 0) =>
  spawn('sh', ['-c', `printf '%s' "$1"; echo problem >&2; exit ${status}`, 'sh', output])

describe('dumpCommand', () => {
  it('makes mysqldump flush tables without a transaction of its own, where it would be logged', () => {
    expect(dumpCommand('testdb', { hasBinaryLog: true })).toContain('--source-data=2')
    expect(dumpCommand('testdb', { hasBinaryLog: false })).not.toContain('--source-data=2')
  })
})

describe('writeBackup', () => {
  it('writes the dump with its manifest', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'backup')
    const manifest = await writeBackup(printing(head + end), file, about)
    expect(manifest).toMatchObject({ ...about, gtids: '6b1c:1-7' })
    expect(await checkBackup(file)).toEqual(manifest)
    expect(gunzipSync(await readFile(file)).toString()).toMatch(/CREATE TABLE t .*\n-- Dump completed/)
  })

  it.each([
    ['was cut after its head', head, 0, 'its end is missing'],
    ['was cut within its last line', head + end.slice(0, 10), 0, 'its end is missing'],
    ['was cut within its head', head.slice(0, 20), 0, 'problem'],
    ['is empty', '', 0, 'problem'],
    ['failed', head + end, 2, 'problem'],
  ])('leaves no file of a dump that %s', async (_what, output, status, reason) => {
    await using folder = await temporaryFolder()
    const writing = writeBackup(printing(output, status), join(folder.path, 'backup'), about)
    await expect(writing).rejects.toThrow(`The dump failed: ${reason}`)
    expect(await readdir(folder.path)).toEqual([])
  })
})

describe('openDump', () => {
  it('fails at once for a file that does not exist', async () => {
    await expect(openDump(join(tmpdir(), 'no', 'such', 'file'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('gives the dump, and fails where it cannot be read', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'backup')
    await writeFile(file, gzipSync(head + end))
    expect(await text(await openDump(file))).toBe(head + end)
    await truncate(file, 30)
    await expect(text(await openDump(file))).rejects.toThrow('unexpected end of file')
    // Opens, and cannot be read.
    await expect(text(await openDump(folder.path))).rejects.toMatchObject({ code: 'EISDIR' })
  })
})
