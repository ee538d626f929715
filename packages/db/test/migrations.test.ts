import { describe, expect, it } from 'vitest'
import { loadMigrations, MigrationError, parseMigrations, serializeMigrations } from '../src/index.ts'

describe('loadMigrations', () => {
  it("reads this package's own, in order", async () => {
    const names = (await loadMigrations()).map(({ name }) => name)
    expect(names[0]).toBe('0001_create_times')
    expect(names).toEqual([...names].sort())
  })
})

describe('parseMigrations', () => {
  it('takes apart what serializeMigrations put together', async () => {
    const migrations = await loadMigrations()
    const parsed = parseMigrations(serializeMigrations(migrations))
    expect(parsed.map(({ name, sql }) => [name, sql.trim()])).toEqual(
      migrations.map(({ name, sql }) => [name, sql.trim()]),
    )
  })

  it.each([
    ['no migration', ''],
    ['something before the first', 'SELECT 1\n-- migration 0001_a\nSELECT 2\n'],
    ['a name of another form', '-- migration first\nSELECT 1\n'],
    ['a number twice', '-- migration 0001_a\nSELECT 1\n-- migration 0001_b\nSELECT 2\n'],
    ['an order that is not rising', '-- migration 0002_a\nSELECT 1\n-- migration 0001_b\nSELECT 2\n'],
  ])('fails when the text has %s', (_what, text) => {
    expect(() => parseMigrations(text)).toThrow(MigrationError)
  })
})
