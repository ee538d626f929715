import { setImmediate as turn } from 'node:timers/promises'
import { createDatabaseClient, type DatabaseClient, loadMigrations, migrate, query } from '@repo/db'
import { type MigratedServer, startMigrated } from '@repo/db/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTimesRepository, type TimesRepository } from './repository.ts'

let server: MigratedServer
let client: DatabaseClient
let repositories: readonly TimesRepository[]

beforeAll(async () => {
  server = await startMigrated()
  client = createDatabaseClient(server.options)
  const options = { table: server.table, batchLimit: 1000, queueLimit: 4000 }
  repositories = [createTimesRepository(client, options), createTimesRepository(client, options)]
})

afterAll(async () => {
  for (const repository of repositories ?? []) await repository.close()
  await client?.close()
  await server?.mysql[Symbol.asyncDispose]()
})

const sql = (statement: string) => server.mysql.sql(statement)

beforeEach(() => sql('TRUNCATE testtable'))

const minute = 60_000
const from = Date.UTC(2026, 0, 1)
const counts = (range: Parameters<TimesRepository['counts']>[0]) => repositories[0]?.counts(range)
const save = (at: number, by = 0) => repositories[by]?.save(new Date(from + at))

/** The periods whose count is not that of the rows, with the difference. */
const miscounted = () =>
  sql(`WITH counted AS (
      SELECT 'minute' AS per, DATE_FORMAT(dt, '%Y-%m-%d %H:%i:00') AS start, 1 AS n FROM testtable
      UNION ALL SELECT 'hour', DATE_FORMAT(dt, '%Y-%m-%d %H:00:00'), 1 FROM testtable
      UNION ALL SELECT 'day', DATE_FORMAT(dt, '%Y-%m-%d 00:00:00'), 1 FROM testtable
      UNION ALL SELECT per, CAST(starts_at AS CHAR), -n FROM time_counts NATURAL JOIN time_counting
    )
    SELECT per, start, SUM(n) FROM counted GROUP BY per, start HAVING SUM(n) <> 0`)

describe('counts', () => {
  it('are the numbers of times in each period, the end excluded', async () => {
    for (const at of [-1, 0, 1, minute - 1, 2 * minute, 3 * minute - 1, 3 * minute]) await save(at)
    expect(await counts({ per: 'minute', from, to: from + 3 * minute })).toEqual([3, 0, 2])
    expect(await counts({ per: 'hour', from, to: from + 120 * minute })).toEqual([6, 0])
    expect(await counts({ per: 'day', from: from - 1440 * minute, to: from + 1440 * minute })).toEqual([1, 6])
  })

  it('read a range of the counts, not the rows', async () => {
    await sql(`INSERT INTO testtable (dt)
      WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 999)
      SELECT '2026-01-01' + INTERVAL i DAY FROM n; ANALYZE TABLE time_counts`)
    const plan = await sql(
      `EXPLAIN FORMAT=TREE SELECT SUM(n) FROM time_counts
       WHERE generation = (SELECT generation FROM time_counting) AND per = 'day' AND starts_at >= '2026-01-01' AND starts_at < '2026-01-03' GROUP BY starts_at`,
    )
    expect(plan).toContain('Index range scan on time_counts using PRIMARY')
  })

  it('include what several instances save at once, with keys and without, in any order of time', async () => {
    const key = (at: number) => ({ id: at.toString(16).padStart(32, '0'), fingerprint: '0'.repeat(32) })
    await Promise.all(
      Array.from({ length: 2000 }, (_, at) => {
        const time = new Date(from + ((at * 7919) % 10_000) * 1000)
        const repository = repositories[at % 2]
        return at % 5 === 0 ? repository?.saveOnce({ time, key: key(at), result: '' }) : repository?.save(time)
      }),
    )
    expect(await sql('SELECT COUNT(*) FROM testtable')).toBe('2000')
    expect(await miscounted()).toBe('')
  })

  it.each([
    "INSERT INTO testtable (dt) VALUES ('2026-01-01 10:59:59.999'), ('2026-01-01 11:00:00'), ('1969-12-31 23:59:59')",
    "INSERT IGNORE INTO testtable (id, dt) VALUES (1, '2026-01-01'), (2, '2026-01-01'), (1, '2026-01-02')",
    "REPLACE INTO testtable (id, dt) VALUES (1, '2026-01-01'), (2, '2026-01-01'), (1, '2026-01-02')",
    'INSERT INTO testtable (dt) SELECT dt FROM testtable',
    "DELETE FROM testtable WHERE dt < '2026-01-01 00:05:00'",
    'DELETE FROM testtable',
    "UPDATE testtable SET dt = dt + INTERVAL 1 DAY WHERE dt < '2026-01-01 00:05:00'",
    'START TRANSACTION; DELETE FROM testtable; ROLLBACK',
    "START TRANSACTION; INSERT INTO testtable (dt) VALUES ('2026-01-01'); ROLLBACK",
  ])('are those of the rows after %s', async (statement) => {
    for (let at = 0; at < 10; at += 1) await save(at * minute)
    await sql(statement)
    await save(20 * minute)
    expect(await miscounted()).toBe('')
  })

  it('begin anew after TRUNCATE', async () => {
    await save(0)
    await save(minute)
    await sql('TRUNCATE testtable')
    const range = { per: 'minute', from, to: from + 2 * minute } as const
    expect(await counts(range)).toEqual([0, 0])
    await save(0)
    expect(await counts(range)).toEqual([1, 0])
    expect(await miscounted()).toBe('')
  })

  it('stay when the first row is removed and stored again', async () => {
    await save(0)
    await save(minute)
    await sql("DELETE FROM testtable WHERE id = 1; INSERT INTO testtable (id, dt) VALUES (1, '2026-01-01')")
    expect(await miscounted()).toBe('')
  })
})

describe('after TRUNCATE, counts are those of the rows', () => {
  const first = "INSERT INTO testtable (dt) VALUES ('2026-01-01')"

  /** Stores a row of another day in a transaction that stays open. */
  function open() {
    const [inserted, decided] = [Promise.withResolvers<void>(), Promise.withResolvers<'COMMIT' | 'ROLLBACK'>()]
    const ended = client.write(async (connection) => {
      await query(connection, 'START TRANSACTION')
      await query(connection, "INSERT INTO testtable (dt) VALUES ('2026-01-02')")
      inserted.resolve()
      await query(connection, await decided.promise)
    })
    return {
      inserted: inserted.promise,
      end(how: 'COMMIT' | 'ROLLBACK') {
        decided.resolve(how)
        return ended
      },
    }
  }

  beforeEach(async () => {
    await save(0)
    await save(minute)
    await sql('TRUNCATE testtable')
  })
  afterEach(async () => expect(await miscounted()).toBe(''))

  it.each([
    `START TRANSACTION; ${first}; ROLLBACK; ${first}`,
    "INSERT INTO testtable (id, dt) VALUES (2, '2026-01-01'); INSERT INTO testtable (id, dt) VALUES (1, '2026-01-01')",
    `${first}, ('2026-01-02'); DELETE FROM testtable WHERE id = 1; ${first}`,
    `${first}; DELETE FROM testtable; ${first}`,
    `${first}; TRUNCATE testtable; TRUNCATE testtable; ${first}`,
  ])('%s', async (statements) => void (await sql(statements)))

  it.each(['COMMIT', 'ROLLBACK'] as const)('when two transactions are the first, and one ends by %s', async (how) => {
    const one = open()
    await one.inserted
    const other = open()
    await expect.poll(() => sql('SELECT COUNT(*) FROM performance_schema.data_lock_waits'), { timeout: 5000 }).toBe('1')
    await one.end(how)
    await other.end('COMMIT')
  })

  it('when all rows are deleted while another is being stored', async () => {
    await sql(first)
    const other = open()
    await other.inserted
    await sql('DELETE FROM testtable WHERE id = 1')
    await sql(first)
    await other.end('COMMIT')
  })

  it('and a row waits for no transaction that is not the first', async () => {
    await sql(first)
    const other = open()
    await other.inserted
    await sql(first)
    await other.end('COMMIT')
  })

  it('when several instances save at once', async () => {
    for (let round = 0; round < 20; round += 1) {
      await sql('TRUNCATE testtable')
      await Promise.all(Array.from({ length: 50 }, (_, at) => save(at * minute, at % 2)))
      expect(await miscounted()).toBe('')
    }
  })
})

describe('the migrations', () => {
  it('count the rows that are stored before, and while they run', async () => {
    await sql(`DROP TABLE time_counts, time_counting;
      DROP TRIGGER count_inserted_time; DROP TRIGGER count_deleted_time; DROP TRIGGER count_changed_time;
      DELETE FROM schema_migrations WHERE name >= '0005'`)
    await sql(`INSERT INTO testtable (dt)
      WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 999)
      SELECT '2026-01-01' + INTERVAL 7 * i MINUTE FROM n`)
    const { options, table } = server
    let migrated = false
    const migrating = migrate({
      connection: { ...options.writer, user: 'migrator', password: await server.mysql.password('migrator') },
      database: options.database,
      placeholders: { table },
      migrations: await loadMigrations(),
      appUser: { name: 'app' },
    }).finally(() => {
      migrated = true
    })
    // As the release before stores them.
    const inserting = [0, 1].map(async () => {
      for (; !migrated; await turn()) {
        await client.write((connection) => query(connection, 'INSERT INTO testtable (dt) VALUES (UTC_TIMESTAMP(3))'))
      }
    })
    const { applied } = await migrating
    await Promise.all(inserting)
    expect(applied).toHaveLength(9)
    expect(Number(await sql('SELECT COUNT(*) FROM testtable'))).toBeGreaterThan(1000)
    expect(await miscounted()).toBe('')
  })
})
