import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type MigrateOptions, MigrationError, migrate } from '../src/index.ts'
import { startMigrated } from './server.ts'

let mysql: Awaited<ReturnType<typeof startMigrated>>['mysql']
let base: Omit<MigrateOptions, 'migrations'>

beforeAll(async () => {
  const started = await startMigrated()
  mysql = started.mysql
  base = {
    connection: { ...started.options.writer, user: 'migrator', password: await mysql.password('migrator') },
    database: started.options.database,
    table: started.options.table,
    appUser: { name: 'app' },
  }
})

afterAll(() => mysql?.[Symbol.asyncDispose]())

const create = { name: '0100_create', sql: 'CREATE TABLE a (id INT)' }
const extend = { name: '0101_extend', sql: 'ALTER TABLE a ADD COLUMN b INT' }

describe('migrate', () => {
  it('applies each migration once, in order, and records it', async () => {
    expect(await migrate({ ...base, migrations: [create] })).toEqual({ applied: ['0100_create'] })
    expect(await migrate({ ...base, migrations: [create, extend] })).toEqual({ applied: ['0101_extend'] })
    expect(await migrate({ ...base, migrations: [create, extend] })).toEqual({ applied: [] })
    expect(await mysql.sql('SELECT name FROM schema_migrations WHERE name >= "0100" ORDER BY name')).toBe(
      '0100_create\n0101_extend',
    )
  })

  it('leaves alone what a newer release has applied', async () => {
    expect(await migrate({ ...base, migrations: [create] })).toEqual({ applied: [] })
  })

  it('lets one work while the others wait, when several start together', async () => {
    const migrations = [{ name: '0200_once', sql: 'CREATE TABLE once (id INT)' }]
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => migrate({ ...base, migrations })))
    expect(outcomes.flatMap(({ applied }) => applied)).toEqual(['0200_once'])
  })

  it('fails when a migration was changed after it was applied', async () => {
    const migrations = [{ ...create, sql: 'CREATE TABLE a (id BIGINT)' }]
    await expect(migrate({ ...base, migrations })).rejects.toThrow(/0100_create: changed after it was applied/)
  })

  it('names migration and statement when one fails, keeps those before it, and goes on from there', async () => {
    const good = { name: '0300_good', sql: 'CREATE TABLE good (id INT)' }
    const bad = { name: '0301_bad', sql: 'CREATE TABEL oops (id INT)' }
    const failure = await migrate({ ...base, migrations: [good, bad] }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(MigrationError)
    expect(String(failure)).toContain('0301_bad')
    expect(String(failure)).toContain('CREATE TABEL oops')
    expect(String(failure)).not.toContain(base.connection.password)
    const mended = { ...bad, sql: 'CREATE TABLE oops (id INT)' }
    expect(await migrate({ ...base, migrations: [good, mended] })).toEqual({ applied: ['0301_bad'] })
  })

  it("lets the application's user read and add rows of every table that migrations made, and not of its own record", async () => {
    await migrate({ ...base, migrations: [{ name: '0350_more', sql: 'CREATE TABLE more (id INT)' }] })
    const grants = await mysql.sql("SHOW GRANTS FOR 'app'")
    expect(grants).toContain('GRANT SELECT, INSERT ON `testdb`.`testtable` TO')
    expect(grants).toContain('GRANT SELECT, INSERT ON `testdb`.`more` TO')
    expect(grants).not.toMatch(/schema_migrations|ALL PRIVILEGES|UPDATE|DELETE/)
  })

  it('refuses a second statement in a migration', async () => {
    const migrations = [{ name: '0400_two', sql: 'CREATE TABLE two (id INT); DROP TABLE two' }]
    await expect(migrate({ ...base, migrations })).rejects.toThrow(/0400_two/)
  })

  it('fails without showing the password when it is wrong', async () => {
    const connection = { ...base.connection, password: 'not the one' }
    const failure = await migrate({ ...base, connection, migrations: [] }).catch((error: unknown) => error)
    expect(String(failure)).toContain('Access denied')
    expect(String(failure)).not.toContain('not the one')
  })

  it('refuses to give the application a user that the migrator may not make, without showing its password', async () => {
    const appUser = { name: 'stranger', password: 'secret word' }
    const failure = await migrate({ ...base, appUser, migrations: [] }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(MigrationError)
    expect(String(failure)).not.toContain('secret word')
  })
})
