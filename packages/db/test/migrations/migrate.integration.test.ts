import { type AddressInfo, connect as connectTo, createServer } from 'node:net'
import { waitFor } from '@repo/compose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  connect,
  loadMigrations,
  type MigrateOptions,
  type Migration,
  MigrationError,
  migrate,
  query,
} from '../../src/index.ts'
import { checksum, declaredRights, isRepeatable } from '../../src/migrations/load.ts'
import { bytesOf } from '../bytes-of.ts'
import { type MigratedServer, startMigrated } from '../server.ts'

let mysql: MigratedServer['mysql']
let base: Omit<MigrateOptions, 'migrations'>

beforeAll(async () => {
  const server = await startMigrated()
  mysql = server.mysql
  base = {
    connection: { ...server.options.writer, user: 'migrator', password: await mysql.password('migrator') },
    database: server.options.database,
    placeholders: { table: server.table },
    appUser: { name: 'app' },
  }
})

afterAll(() => mysql?.[Symbol.asyncDispose]())

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.unreachable('it has not failed'),
    (error: unknown) => error,
  )

/** Tries a statement with the rights of the application. */
async function attempt(statement: string): Promise<unknown> {
  const { connection, database } = base
  const app = await connect({ ...connection, user: 'app', password: await mysql.password('app') }, 5000, { database })
  return query(app, statement).finally(() => app.destroy())
}

const creating = (number: string, table: string, rights = 'nothing'): Migration => ({
  name: `${number}_create_${table}`,
  sql: `-- App user: ${rights} ON ${table}\nCREATE TABLE ${table} (id INT)`,
})
const create = creating('0100', 'a')
const extend = { name: '0101_extend', sql: 'ALTER TABLE a ADD COLUMN b INT' }

describe('migrate', () => {
  it('applies each migration once, in order, and records it', async () => {
    expect(await migrate({ ...base, migrations: [create] })).toEqual({ applied: ['0100_create_a'] })
    expect(await migrate({ ...base, migrations: [create, extend] })).toEqual({ applied: ['0101_extend'] })
    expect(await migrate({ ...base, migrations: [create, extend] })).toEqual({ applied: [] })
    expect(await mysql.sql('SELECT name FROM schema_migrations WHERE name LIKE "010%" ORDER BY name')).toBe(
      '0100_create_a\n0101_extend',
    )
  })

  it('leaves no idle session to a server that does not notice the loss of the network', async () => {
    const sql = '-- App user: nothing ON idle\nCREATE TABLE idle AS SELECT @@SESSION.wait_timeout AS seconds'
    await migrate({ ...base, migrations: [{ name: '0099_idle', sql }] })
    expect(await mysql.sql('SELECT seconds FROM idle')).toBe('45')
  })

  it('cuts no stored value, whatever the default of the server is', async () => {
    const long = {
      name: '0090_long',
      sql: "-- App user: nothing ON text\nCREATE TABLE text AS SELECT 'stored' AS value",
    }
    const short = { name: '0091_short', sql: 'ALTER TABLE text MODIFY value CHAR(1)' }
    await mysql.sql("SET GLOBAL sql_mode = ''")
    try {
      await expect(migrate({ ...base, migrations: [long, short] })).rejects.toThrow(/^0091_short: /)
    } finally {
      await mysql.sql('SET GLOBAL sql_mode = DEFAULT')
    }
    expect(await mysql.sql('SELECT value FROM text')).toBe('stored')
  })

  it('leaves alone what a newer release has applied', async () => {
    expect(await migrate({ ...base, migrations: [create] })).toEqual({ applied: [] })
  })

  it('lets one work while the others wait, when several start together', async () => {
    const migrations = [creating('0200', 'once')]
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => migrate({ ...base, migrations })))
    expect(outcomes.flatMap(({ applied }) => applied)).toEqual(['0200_create_once'])
  })

  it('fails when a migration was changed after it was applied', async () => {
    const migrations = [{ ...create, sql: create.sql.replace('INT', 'BIGINT') }]
    await expect(migrate({ ...base, migrations })).rejects.toThrow(/0100_create_a: changed after it was applied/)
  })

  it('names the migration when one fails, keeps those before it, and goes on from there', async () => {
    const good = creating('0300', 'good')
    const bad = { name: '0301_bad', sql: '-- Intent: a column.\n\nALTER TABEL good ADD COLUMN hunter2 INT' }
    const failure = await failureOf(migrate({ ...base, migrations: [good, bad] }))
    expect(failure).toBeInstanceOf(MigrationError)
    expect(failure).toMatchObject({ message: '0301_bad: ER_PARSE_ERROR (1064, SQLSTATE 42000) at line 3' })
    expect(bytesOf(failure)).not.toMatch(/hunter2|TABEL/)
    const fixed = { ...bad, sql: bad.sql.replace('TABEL', 'TABLE') }
    expect(await migrate({ ...base, migrations: [good, fixed] })).toEqual({ applied: ['0301_bad'] })
  })

  it('refuses a second statement in a migration', async () => {
    const migrations = [{ name: '0400_two', sql: 'ALTER TABLE a ADD COLUMN c INT; DROP TABLE a' }]
    await expect(migrate({ ...base, migrations })).rejects.toThrow(/0400_two/)
  })

  it('applies nothing when a migration does not declare the rights on its table', async () => {
    const migrations = [creating('0450', 'early'), { name: '0451_undeclared', sql: 'CREATE TABLE undeclared (id INT)' }]
    await expect(migrate({ ...base, migrations })).rejects.toThrow(/0451_undeclared: .*App user: SELECT, INSERT ON/)
    expect(await mysql.sql("SHOW TABLES LIKE 'early'")).toBe('')
  })

  it('applies what is new to the schema of the release before', async () => {
    const migrations = await loadMigrations()
    const earlier = migrations.filter(({ sql }) => !sql.includes('TABLE IF NOT EXISTS heartbeat'))
    const recorded = earlier.map((each) => `('${each.name}', '${checksum(each)}', UTC_TIMESTAMP(3))`)
    // That release recorded no starts.
    await mysql.sql(`DROP TABLE heartbeat, unfinished_migrations; DELETE FROM schema_migrations;
      INSERT INTO schema_migrations VALUES ${recorded.join()}`)
    expect(await migrate({ ...base, migrations })).toEqual({ applied: ['0002_create_heartbeat'] })
    expect(await mysql.sql('SELECT id, beat FROM heartbeat')).toBe('1\t0')
  })

  it('fails without showing the password when it is wrong', async () => {
    const connection = { ...base.connection, password: 'hunter2' }
    const failure = await failureOf(migrate({ ...base, connection, migrations: [] }))
    expect(failure).toMatchObject({ code: 'ER_ACCESS_DENIED_ERROR' })
    expect(bytesOf(failure)).not.toContain('hunter2')
  })

  it('fails without showing the password of a user that the migrator may not make', async () => {
    const appUser = { name: 'stranger', password: 'hunter2' }
    const failure = await failureOf(migrate({ ...base, appUser, migrations: [] }))
    expect(failure).toBeInstanceOf(MigrationError)
    expect(bytesOf(failure)).not.toMatch(/hunter2|CREATE USER/)
  })
})

describe('a server that cannot be reached', () => {
  /** Refuses connections until it listens, loses two before their handshake, and forwards the others to the server. */
  async function startLate() {
    let connections = 0
    const proxy = createServer((client) => {
      connections += 1
      client.on('error', () => {})
      if (connections <= 2) return void client.destroy()
      const upstream = connectTo(base.connection)
      upstream.on('error', () => {}).on('close', () => client.destroy())
      client.on('close', () => upstream.destroy())
      client.pipe(upstream).pipe(client)
    })
    const listen = (port: number) => new Promise<void>((resolve) => proxy.listen(port, '127.0.0.1', resolve))
    await listen(0)
    const { port } = proxy.address() as AddressInfo
    const close = () => new Promise<void>((resolve) => void proxy.close(() => resolve()))
    await close()
    return {
      connection: { ...base.connection, host: '127.0.0.1', port },
      listen: () => listen(port),
      connections: () => connections,
      [Symbol.asyncDispose]: close,
    }
  }

  it('is waited for, through refused connections and lost handshakes', async () => {
    await using server = await startLate()
    const migrating = migrate({ ...base, connection: server.connection, migrations: [] })
    await expect(connect(server.connection, 1000)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await server.listen()
    expect(await migrating).toEqual({ applied: [] })
    expect(server.connections()).toBe(3)
  })

  it('is asked once when it refuses the password or does not know the database', async () => {
    await using server = await startLate()
    await server.listen()
    await failureOf(connect(server.connection, 1000))
    await failureOf(connect(server.connection, 1000))
    const connection = { ...server.connection, password: 'hunter2' }
    expect(await failureOf(migrate({ ...base, connection, migrations: [] }))).toMatchObject({
      code: 'ER_ACCESS_DENIED_ERROR',
    })
    expect(server.connections()).toBe(3)
    const unknown = { ...base, connection: server.connection, database: 'unknown' }
    expect(await failureOf(migrate({ ...unknown, migrations: [] }))).toMatchObject({ code: 'ER_DBACCESS_DENIED_ERROR' })
    expect(server.connections()).toBe(4)
  })

  it.each([
    ['a name that is not found', 'db-writer.invalid', /ENOTFOUND|EAI_AGAIN/],
    ['a closed port', '127.0.0.2', /ECONNREFUSED/],
  ])('fails with the reason when it stays %s', async (_what, host, code) => {
    const startedAt = performance.now()
    const connection = { ...base.connection, host, port: 1 }
    const failure = await failureOf(migrate({ ...base, connection, migrations: [], connectWaitMs: 1200 }))
    expect(failure).toMatchObject({ name: 'DatabaseError', code: expect.stringMatching(code) })
    expect(performance.now() - startedAt).toBeGreaterThan(900)
  })

  it('is no longer waited for once the signal is aborted', async () => {
    const connection = { ...base.connection, host: '127.0.0.2', port: 1 }
    const migrating = migrate({ ...base, connection, migrations: [], signal: AbortSignal.timeout(100) })
    await expect(migrating).rejects.toMatchObject({ name: 'AbortError' })
  })
})

/** A connection of the migrator that holds what `statement` locks. The caller destroys it. */
async function hold(...statements: readonly string[]) {
  const session = await connect(base.connection, 5000, { database: base.database })
  for (const statement of statements) await query(session, statement)
  return session
}

/** Migrates, and ends the run when the last statement has been carried out and not been recorded. */
async function interrupt(migrations: readonly Migration[], options = base): Promise<void> {
  // Recording it waits for this lock.
  const session = await hold(`LOCK TABLES ${options.database}.schema_migrations READ`)
  const interrupted = failureOf(migrate({ ...options, migrations }))
  const recording = "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'INSERT INTO schema_migrations%'"
  const id = await waitFor('the migration to be applied', () => mysql.sql(recording))
  await mysql.sql(`KILL ${id}`)
  await interrupted
  session.destroy()
}

/** The statement that the message of a run names. */
const statementIn = (failure: unknown, verb: string) =>
  new RegExp(`${verb} .*? WHERE name = '[^']*'`).exec((failure as Error).message)?.[0] ?? ''

describe('a migration whose table a transaction uses', () => {
  const lockWait = { seconds: 1, attempts: 2, pauseMs: 500 }
  const change = { name: '0501_change', sql: 'ALTER TABLE used ADD COLUMN b INT' }
  const migrations = [creating('0500', 'used'), change]
  const isWaiting = () =>
    mysql.sql("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table metadata%'")

  beforeAll(() => migrate({ ...base, migrations: migrations.slice(0, 1) }))

  it('fails after some attempts, and names how to find the transaction', async () => {
    const session = await hold('START TRANSACTION', 'SELECT * FROM used')
    try {
      const failure = await failureOf(migrate({ ...base, migrations, lockWait }))
      expect(failure).toBeInstanceOf(MigrationError)
      const { message } = failure as MigrationError
      expect(message).toMatch(/^0501_change: ER_LOCK_WAIT_TIMEOUT .*; 2 attempts waited for 1 s each\. /)
      const [finding = ''] = /SELECT trx_\w+.*? ORDER BY trx_started/.exec(message) ?? []
      const [holder] = await query(session, 'SELECT CONNECTION_ID() AS id')
      expect(await mysql.sql(finding)).toMatch(new RegExp(`^${holder?.id}\t`))
    } finally {
      session.destroy()
    }
  })

  it('lets queries of the table pass between the attempts, and is applied once the transaction ends', async () => {
    const session = await hold('START TRANSACTION', 'SELECT * FROM used')
    const migrating = migrate({ ...base, migrations, lockWait: { ...lockWait, attempts: 100 } })
    try {
      await waitFor('the migration to wait', async () => (await isWaiting()) === '1')
      const other = await hold('SELECT * FROM used')
      other.destroy()
    } finally {
      session.destroy()
    }
    expect(await migrating).toEqual({ applied: ['0501_change'] })
  })
})

describe('a migration that was interrupted before it was recorded', () => {
  const unfinished = () => mysql.sql('SELECT name FROM unfinished_migrations')

  it('is applied again when it is repeatable', async () => {
    const { name, sql } = creating('0600', 'repeated')
    const migrations = [{ name, sql: `-- Repeatable: yes\n${sql.replace('TABLE', 'TABLE IF NOT EXISTS')}` }]
    await interrupt(migrations)
    expect(await unfinished()).toBe(name)
    expect(await migrate({ ...base, migrations })).toEqual({ applied: [name] })
    expect(await unfinished()).toBe('')
  })

  it('stops the next run, until it is recorded as the message says', async () => {
    const migrations = [creating('0601', 'kept')]
    await interrupt(migrations)
    const failure = await failureOf(migrate({ ...base, migrations }))
    expect(failure).toBeInstanceOf(MigrationError)
    expect(failure).toMatchObject({ message: expect.stringMatching(/^0601_create_kept: was started at 20\d\d-.* UTC/) })
    await mysql.sql(statementIn(failure, 'INSERT'))
    expect(await migrate({ ...base, migrations })).toEqual({ applied: [] })
  })

  it('stops the next run, until it is let run again as the message says', async () => {
    const migrations = [creating('0602', 'undone')]
    await interrupt(migrations)
    const failure = await failureOf(migrate({ ...base, migrations }))
    await mysql.sql(`DROP TABLE undone; ${statementIn(failure, 'DELETE')}`)
    expect(await migrate({ ...base, migrations })).toEqual({ applied: ['0602_create_undone'] })
  })

  it('stops the next run when its file was changed meanwhile, even if it is repeatable', async () => {
    const { name, sql } = creating('0603', 'changed')
    const repeatable = { name, sql: `-- Repeatable: yes\n${sql.replace('TABLE', 'TABLE IF NOT EXISTS')}` }
    await interrupt([repeatable])
    const changed = { ...repeatable, sql: repeatable.sql.replace('INT', 'BIGINT') }
    await expect(migrate({ ...base, migrations: [changed] })).rejects.toThrow(/0603_create_changed: was started at/)
    expect(await migrate({ ...base, migrations: [repeatable] })).toEqual({ applied: [name] })
  })
})

describe("the app's rights", () => {
  const visits = {
    name: '0110_create_visits',
    sql: '-- App user: SELECT, INSERT ON visits\nCREATE TABLE visits (id INT)',
  }
  const own = async () => [...(await loadMigrations()), create, extend, visits]

  beforeAll(async () => {
    await mysql.sql('DROP TABLE a; DELETE FROM schema_migrations')
    await migrate({ ...base, migrations: await own() })
  })

  it('are those that the migrations declare', async () => {
    const grants = (await mysql.sql("SHOW GRANTS FOR 'app'")).split('\n')
    expect(grants).toEqual(
      expect.arrayContaining([
        'GRANT USAGE ON *.* TO `app`@`%`',
        'GRANT SELECT, INSERT, UPDATE, DELETE ON `testdb`.`commit_marks` TO `app`@`%`',
        'GRANT SELECT, UPDATE ON `testdb`.`heartbeat` TO `app`@`%`',
        'GRANT SELECT, INSERT, DELETE ON `testdb`.`idempotency_keys` TO `app`@`%`',
        'GRANT SELECT, INSERT ON `testdb`.`visits` TO `app`@`%`',
      ]),
    )
    const declared = declaredRights(await own(), { table: 'testtable' })
    const tables = [...declared].flatMap(([table, rights]) => (rights.length > 0 ? [table] : []))
    expect(grants.flatMap((grant) => / ON `testdb`\.`(\w+)`/.exec(grant)?.[1] ?? [])).toEqual(tables.toSorted())
  })

  it.each(['INSERT INTO visits VALUES (1)', 'SELECT * FROM visits', 'UPDATE heartbeat SET beat = beat + 1'])(
    'let it do: %s',
    async (statement) => {
      await attempt(statement)
    },
  )

  it.each([
    'DELETE FROM visits',
    'UPDATE visits SET id = 2',
    'DROP TABLE visits',
    'TRUNCATE visits',
    'ALTER TABLE visits ADD COLUMN b INT',
    'CREATE INDEX i ON visits (id)',
    'DELETE FROM heartbeat',
    "UPDATE idempotency_keys SET result = ''",
    'INSERT INTO heartbeat VALUES (2, 0, UTC_TIMESTAMP(3))',
    'SELECT * FROM a',
    'INSERT INTO a VALUES (1, 1)',
    'CREATE TABLE other (id INT)',
    'CREATE VIEW v AS SELECT * FROM visits',
    'SELECT * FROM schema_migrations',
    'DELETE FROM schema_migrations',
    'SELECT * FROM mysql.user',
    'GRANT SELECT ON visits TO app',
  ])('do not let it do: %s', async (statement) => {
    await expect(attempt(statement)).rejects.toMatchObject({ code: expect.stringMatching(/DENIED|NONEXISTING_GRANT/) })
  })

  it('are revoked when they are no longer declared, or never were', async () => {
    await mysql.sql(`GRANT DELETE, DROP, TRIGGER ON visits TO app WITH GRANT OPTION;
      GRANT SELECT ON schema_migrations TO app; GRANT ALL ON a TO app`)
    await attempt('DELETE FROM visits')
    await migrate({ ...base, migrations: await own() })
    for (const statement of ['DELETE FROM visits', 'SELECT * FROM schema_migrations', 'INSERT INTO a VALUES (1, 1)']) {
      await expect(attempt(statement), statement).rejects.toMatchObject({ code: 'ER_TABLEACCESS_DENIED_ERROR' })
    }
    expect(await mysql.sql("SHOW GRANTS FOR 'app'")).not.toMatch(
      /GRANT OPTION|DELETE ON `testdb`.`visits`|DROP|TRIGGER/,
    )
  })

  it('change with the declaration in a later migration', async () => {
    const wider = { name: '0102_wider', sql: '-- App user: SELECT, DELETE ON a\nALTER TABLE a ADD COLUMN c INT' }
    await migrate({ ...base, migrations: [...(await own()), wider] })
    await attempt('DELETE FROM a WHERE b = 1')
    const narrower = { name: '0103_narrower', sql: '-- App user: SELECT ON a\nALTER TABLE a ADD COLUMN d INT' }
    await migrate({ ...base, migrations: [...(await own()), wider, narrower] })
    await attempt('SELECT * FROM a')
    await expect(attempt('DELETE FROM a')).rejects.toMatchObject({ code: 'ER_TABLEACCESS_DENIED_ERROR' })
  })

  it('are not revoked by an older release, since the newer one may still be running', async () => {
    await mysql.sql('GRANT UPDATE ON a TO app')
    await migrate({ ...base, migrations: await loadMigrations() })
    await attempt('UPDATE a SET b = 1 WHERE b = 2')
  })

  it('are never missing while migrations run', async () => {
    let running = true
    const migrating = (async () => {
      for (let at = 0; at < 10; at += 1) await migrate({ ...base, migrations: await loadMigrations() })
    })().finally(() => {
      running = false
    })
    while (running) await attempt('SELECT 1 FROM visits WHERE FALSE')
    await migrating
  })
})

describe("this package's migrations", () => {
  it('lead to the same schema when each is interrupted once and then applied again', async () => {
    const migrations = await loadMigrations()
    const [straight, interrupted] = [await anotherDatabase('straight'), await anotherDatabase('interrupted')]
    await migrate({ ...straight, migrations })
    await migrate({ ...interrupted, migrations: [] })
    for (const [index, migration] of migrations.entries()) {
      const some = migrations.slice(0, index + 1)
      await interrupt(some, interrupted)
      if (isRepeatable(migration)) {
        expect(await migrate({ ...interrupted, migrations: some })).toEqual({ applied: [migration.name] })
      } else {
        const failure = await failureOf(migrate({ ...interrupted, migrations: some }))
        await mysql.sql(`USE interrupted; ${statementIn(failure, 'INSERT')}`)
      }
    }
    expect(await migrate({ ...interrupted, migrations })).toEqual({ applied: [] })
    expect(await contentOf('interrupted')).toEqual(await contentOf('straight'))
  })
})

async function anotherDatabase(database: string): Promise<typeof base> {
  await mysql.sql(`CREATE DATABASE ${database}; GRANT ALL ON ${database}.* TO migrator WITH GRANT OPTION`)
  return { ...base, database }
}

/** How each table is defined, and its rows but for their times. */
async function contentOf(database: string): Promise<string[]> {
  const names = `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '${database}' ORDER BY TABLE_NAME`
  const content: string[] = []
  for (const table of (await mysql.sql(names)).split('\n')) {
    const rows = await mysql.sql(`SHOW CREATE TABLE ${database}.${table}; SELECT * FROM ${database}.${table}`)
    content.push(rows.replaceAll(/\d{4}-\d\d-\d\d [\d:.]+/g, 'TIME'))
  }
  return content
}
describe('a run that has nothing to do', () => {
  const migrations = [creating('0700', 'ready', 'SELECT, INSERT')]
  const newer = { name: '0701_newer', sql: 'ALTER TABLE ready ADD COLUMN b INT' }
  const withPassword = async () => ({
    ...base,
    migrations,
    appUser: { name: 'app', password: await mysql.password('app') },
  })

  beforeAll(async () => {
    await mysql.sql('DELETE FROM schema_migrations; DELETE FROM unfinished_migrations')
    await migrate({ ...base, migrations })
  })

  it('waits for no other run, whatever that one has started', async () => {
    const other = await hold("SELECT GET_LOCK(CONCAT('migrate ', SHA2('testdb', 224)), 0)")
    await mysql.sql(`INSERT INTO unfinished_migrations VALUES ('${newer.name}', REPEAT('0', 64), UTC_TIMESTAMP(3))`)
    try {
      await expect(migrate(await withPassword())).resolves.toEqual({ applied: [] })
    } finally {
      await mysql.sql('DELETE FROM unfinished_migrations')
      other.destroy()
    }
  })

  it('is also one whose migrations were recorded with their names filled in', async () => {
    const sql = '-- App user: nothing ON named\nCREATE TABLE {{named}} (id INT)'
    const filledIn = { name: '0710_named', sql: sql.replace('{{named}}', '`named`') }
    await migrate({ ...base, migrations: [...migrations, filledIn] })
    const options = { ...(await withPassword()), placeholders: { named: 'named' } }
    expect(await migrate({ ...options, migrations: [...migrations, { ...filledIn, sql }] })).toEqual({ applied: [] })
    await mysql.sql("DROP TABLE named; DELETE FROM schema_migrations WHERE name = '0710_named'")
  })

  it.each([
    ['lacks a right', 'REVOKE INSERT ON ready FROM app', 'GRANT INSERT ON ready TO app'],
    ['has one right too many', 'GRANT DELETE ON ready TO app', 'REVOKE DELETE ON ready FROM app'],
    ['may grant', 'GRANT SELECT ON ready TO app WITH GRANT OPTION', 'REVOKE GRANT OPTION ON ready FROM app'],
  ])('is none when the app %s', async (_what, change, undo) => {
    await mysql.sql(change)
    // It goes on to what this migrator may not do.
    await expect(migrate(await withPassword())).rejects.toThrow(/^the app's user: /)
    await mysql.sql(undo)
    expect(await migrate(await withPassword())).toEqual({ applied: [] })
  })

  it('is none when the app has another password', async () => {
    const appUser = { name: 'app', password: 'hunter2' }
    await expect(migrate({ ...base, migrations, appUser })).rejects.toThrow(/^the app's user: /)
  })
})

describe('a run that is aborted', () => {
  it('ends its session and leaves the start of its migration', async () => {
    const abort = new AbortController()
    const name = '0800_endless'
    const running = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'DO SLEEP%'"
    migrate({ ...base, migrations: [{ name, sql: 'DO SLEEP(1000)' }], signal: abort.signal }).catch(() => {})
    await waitFor('the migration to run', async () => (await mysql.sql(running)) === '1')
    abort.abort()
    await waitFor('its session to end', async () => (await mysql.sql(running)) === '0')
    expect(await mysql.sql('SELECT name FROM unfinished_migrations')).toBe(name)
  })
})
