import { loadMigrations, type Migration } from '@repo/db'
import { describe, expect, it } from 'vitest'
import { carriedMigrations, parameterText } from '../functions/carried-migrations.ts'

const own = await loadMigrations()

function numbered(count: number, sql = 'ALTER TABLE {{table}} ADD COLUMN note VARCHAR(100)'): readonly Migration[] {
  return Array.from({ length: count }, (_, at) => ({ name: `${String(at + 1).padStart(4, '0')}_step`, sql }))
}

const trimmed = (migrations: readonly Migration[]) => migrations.map(({ name, sql }) => ({ name, sql: sql.trim() }))

describe('the migrations in the parameter', () => {
  it('are all of them when they fit', () => {
    const text = parameterText(own, 1024 ** 2)
    expect(text).toMatch(/^-- migration \d{4}_\w+\n[\s\S]*CREATE TABLE IF NOT EXISTS/)
    expect(text).not.toContain('{{')
    expect(trimmed(carriedMigrations(text, []))).toEqual(trimmed(own))
  })

  it.each([
    ['200 migrations', numbered(200)],
    ['200 long migrations', numbered(200, `SELECT '${'x'.repeat(3000)}'`)],
    ['a last migration that is too long', [...own, { name: '9000_long', sql: `SELECT '${'x'.repeat(20_000)}'` }]],
    ['a first migration that is too long', [{ name: '0000_long', sql: `SELECT '${'é'.repeat(20_000)}'` }, ...own]],
  ])('are the newest of %s, within the limit, and the earlier ones are in the bundle', (_what, migrations) => {
    const text = parameterText(migrations, 4096)
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096)
    expect(text).toMatch(/^-- bundled through \d{4}_\w+\n/)
    expect(trimmed(carriedMigrations(text, migrations))).toEqual(trimmed(migrations))
  })

  it('are those of the parameter whatever a newer bundle has', () => {
    const text = parameterText(numbered(200), 4096)
    expect(carriedMigrations(text, numbered(300)).at(-1)?.name).toBe('0200_step')
    expect(carriedMigrations(text, numbered(300))).toHaveLength(200)
  })

  it('fail when the bundle lacks the earlier ones', () => {
    const text = parameterText(numbered(200), 4096)
    expect(() => carriedMigrations(text, numbered(3))).toThrow(/^\d{4}_step: is not in the function's bundle/)
  })

  it.each(['SELECT 1\n-- migration of the notes\n', "SELECT '{\\{'"])('cannot have the text %j', (sql) => {
    expect(() => parameterText([{ name: '0001_odd', sql }], 4096)).toThrow(/^0001_odd: got a line|expected a name like/)
  })
})
