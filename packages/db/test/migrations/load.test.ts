import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadMigrations, MigrationError, parseMigrations, serializeMigrations } from '../../src/index.ts'
import { checksum, declaredRights, fillIn, isRepeatable } from '../../src/migrations/load.ts'

const placeholders = { table: 'visit' }

describe('loadMigrations', () => {
  it("reads this package's own, in order", async () => {
    const names = (await loadMigrations()).map(({ name }) => name)
    expect(names).toContain('0002_create_heartbeat')
    expect(names).toEqual([...names].sort())
  })

  describe('of a folder', () => {
    let folder: string
    const write = (file: string, text = 'SELECT 1\n') => writeFileSync(join(folder, file), text)
    const load = () => loadMigrations(pathToFileURL(`${folder}/`))

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'migrations-'))
      write('0001_a.sql')
    })
    afterEach(() => rmSync(folder, { recursive: true }))

    it.each([
      '.DS_Store',
      '._0001_a.sql',
      '.0002_b.sql.swp',
      '.#0002_b.sql',
      '0001_a.sql.orig',
      '0001_a.sql.rej',
      '0001_a.sql~',
      '#0001_a.sql#',
      'README.md',
      'Thumbs.db',
    ])('leaves out %s', async (file) => {
      write(file, 'no SQL')
      expect(await load()).toEqual([{ name: '0001_a', sql: 'SELECT 1\n' }])
    })

    it.each(['2_b.sql', '0002-b.sql', '0002_b.SQL', '0001_a copy.sql', '0002_b%20.sql'])('rejects %s', async (file) => {
      write(file)
      await expect(load()).rejects.toThrow('expected a name like 0001_create_table')
    })

    it('reads the same from a checkout with Windows line endings', async () => {
      const sql = '-- Intent: a table.\n-- App user: SELECT ON a\nCREATE TABLE a (id INT)\n'
      write('0001_a.sql', sql)
      const [plain] = await load()
      write('0001_a.sql', `\ufeff${sql.replaceAll('\n', '\r\n')}`)
      const [converted] = await load()
      expect(converted).toEqual(plain)
    })
  })
})

describe('parseMigrations', () => {
  it('takes apart what serializeMigrations put together', async () => {
    const migrations = await loadMigrations()
    const parsed = parseMigrations(serializeMigrations(migrations))
    expect(parsed.map(({ name, sql }) => [name, sql.trim()])).toEqual(
      migrations.map(({ name, sql }) => [name, sql.trim()]),
    )
    expect(declaredRights(parsed, placeholders)).toEqual(declaredRights(migrations, placeholders))
  })

  it.each([
    ['no migration', ''],
    ['something before the first', 'SELECT 1\n-- migration 0001_a\nSELECT 2\n'],
    ['a name of another form', '-- migration first\nSELECT 1\n'],
    ['a number twice', '-- migration 0001_a\nSELECT 1\n-- migration 0001_b\nSELECT 2\n'],
    ['descending numbers', '-- migration 0002_a\nSELECT 1\n-- migration 0001_b\nSELECT 2\n'],
  ])('fails when the text has %s', (_what, text) => {
    expect(() => parseMigrations(text)).toThrow(MigrationError)
  })
})

describe('fillIn', () => {
  it('replaces each placeholder by the quoted identifier', () => {
    const sql = 'CREATE TABLE {{table}} (id INT); -- {{table}} {{other}}'
    expect(fillIn({ name: '0001_a', sql }, { table: 'visit', other: 'a`b' })).toBe(
      'CREATE TABLE `visit` (id INT); -- `visit` `a``b`',
    )
  })

  it('fails for a placeholder without a value', () => {
    expect(() => fillIn({ name: '0001_a', sql: 'DROP TABLE {{tabel}}' }, placeholders)).toThrow(
      new MigrationError('0001_a: no value for the placeholder tabel'),
    )
  })
})

describe('the checksum', () => {
  it('does not depend on the declared rights', () => {
    const sql = '-- Intent: a table.\nCREATE TABLE a (id INT)'
    const declaring = '-- Intent: a table.\n-- App user: SELECT ON a\nCREATE TABLE a (id INT)\n'
    expect(checksum({ name: '0001_a', sql: declaring })).toBe(checksum({ name: '0001_a', sql }))
  })

  it('does not depend on whether the migration declares itself repeatable', () => {
    const sql = '-- Intent: a table.\nCREATE TABLE IF NOT EXISTS a (id INT)'
    const declaring = sql.replace('table.\n', 'table.\n-- Repeatable: yes\n')
    expect(isRepeatable({ name: '0001_a', sql })).toBe(false)
    expect(isRepeatable({ name: '0001_a', sql: declaring })).toBe(true)
    expect(checksum({ name: '0001_a', sql: declaring })).toBe(checksum({ name: '0001_a', sql }))
  })

  it('depends on everything else', () => {
    const sql = 'CREATE TABLE a (id INT)'
    for (const other of ['CREATE TABLE a (id BIGINT)', `-- a comment\n${sql}`]) {
      expect(checksum({ name: '0001_a', sql: other })).not.toBe(checksum({ name: '0001_a', sql }))
    }
  })
})

describe('declaredRights', () => {
  const rights = (...sql: string[]) =>
    Object.fromEntries(
      declaredRights(
        sql.map((text, at) => ({ name: `000${at + 1}_step`, sql: text })),
        placeholders,
      ),
    )

  it('are those of the headers, by table', async () => {
    const declared = declaredRights(await loadMigrations(), placeholders)
    expect(Object.fromEntries(declared)).toMatchObject({
      heartbeat: ['SELECT', 'UPDATE'],
      idempotency_keys: ['SELECT', 'INSERT', 'DELETE'],
    })
  })

  it('can be none', () => {
    expect(rights('-- App user: nothing ON audit\nCREATE TABLE audit (id INT)')).toEqual({ audit: [] })
  })

  it('can be changed by a later migration, and for several tables at once', () => {
    expect(
      rights(
        '-- App user: SELECT, INSERT ON {{table}}\nCREATE TABLE {{table}} (id INT)',
        '-- App user: SELECT ON {{table}}\n-- App user: DELETE ON other\nALTER TABLE {{table}} ADD COLUMN b INT',
      ),
    ).toEqual({ visit: ['SELECT'], other: ['DELETE'] })
  })

  it.each([
    ['does not declare them', 'CREATE TABLE a (id INT)'],
    ['does not declare them below a comment', '-- Intent: a table.\ncreate table a (id INT)'],
    ['declares an unknown one', '-- App user: DROP ON a\nCREATE TABLE a (id INT)'],
    ['declares all', '-- App user: ALL ON a\nCREATE TABLE a (id INT)'],
    ['names no table', '-- App user: SELECT\nCREATE TABLE a (id INT)'],
    ['names two tables', '-- App user: SELECT ON a, b\nCREATE TABLE a (id INT)'],
  ])('fail when a migration that creates a table %s', (_what, sql) => {
    expect(() => rights(sql)).toThrow(MigrationError)
    expect(() => rights(sql)).toThrow(/^0001_step: /)
  })
})
