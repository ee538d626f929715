import { type AddressInfo, connect as connectTo, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { connect, query } from '../src/connection.ts'
import { selectCounts } from '../src/counts.ts'
import {
  type Database,
  type DatabaseOptions,
  DatabaseOverloaded,
  DatabaseUnavailable,
  openDatabase,
  type Page,
} from '../src/index.ts'
import { startMigrated } from './server.ts'

let mysql: Awaited<ReturnType<typeof startMigrated>>['mysql']
let options: DatabaseOptions
let database: Database

beforeAll(async () => {
  ;({ mysql, options } = await startMigrated())
  database = openDatabase(options)
})

afterAll(async () => {
  await database?.close()
  await mysql?.[Symbol.asyncDispose]()
})

const empty = () => mysql.sql('TRUNCATE testtable')
const inserts = async () => Number((await mysql.sql("SHOW GLOBAL STATUS LIKE 'Com_insert'")).split('\t')[1])
const count = async () => Number(await mysql.sql('SELECT COUNT(*) FROM testtable'))

const times = (count: number, from = Date.UTC(2026, 0, 1)) =>
  Array.from({ length: count }, (_, at) => new Date(from + at * 1000))

describe('save and page', () => {
  it('answers an empty page when nothing is stored', async () => {
    await empty()
    expect(await database.page({ limit: 10 })).toEqual({ text: Buffer.alloc(0), next: undefined })
  })

  it('keeps the time in UTC, cut to the second in the list', async () => {
    await empty()
    await database.save(new Date('2026-11-22T09:33:53.999Z'))
    expect(timesOf(await database.page({ limit: 10 }))).toEqual(['2026-11-22 09:33:53'])
  })

  it('lists the oldest first, whatever the order of storing', async () => {
    await empty()
    for (const second of [30, 10, 20]) await database.save(new Date(Date.UTC(2026, 0, 1, 0, 0, second)))
    expect(timesOf(await database.page({ limit: 10 }))).toEqual([
      '2026-01-01 00:00:10',
      '2026-01-01 00:00:20',
      '2026-01-01 00:00:30',
    ])
  })

  it('pages through everything without a gap or a double, equal times included', async () => {
    await empty()
    const sameTime = Array.from({ length: 50 }, () => new Date(Date.UTC(2026, 0, 1)))
    await Promise.all([...sameTime, ...times(50)].map((time) => database.save(time)))
    const ids: string[] = []
    const listed: string[] = []
    for (let page = await database.page({ limit: 7 }); ; page = await database.page({ limit: 7, after: page.next })) {
      listed.push(...timesOf(page))
      if (page.next === undefined) break
      ids.push(`${page.next.dt} ${page.next.id}`)
    }
    expect(listed).toHaveLength(100)
    expect(listed).toEqual([...listed].sort())
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('has no next page when the page ends with the last row', async () => {
    await empty()
    for (const time of times(3)) await database.save(time)
    expect((await database.page({ limit: 3 })).next).toBeUndefined()
    expect((await database.page({ limit: 2 })).next).toMatchObject({ dt: '2026-01-01 00:00:01.000' })
  })

  it('lists the newest first when asked to, without a gap or a double, equal times included', async () => {
    await empty()
    const sameTime = Array.from({ length: 20 }, () => new Date(Date.UTC(2026, 0, 1)))
    await Promise.all([...sameTime, ...times(20)].map((time) => database.save(time)))
    const oldestFirst = timesOf(await database.page({ limit: 100 }))
    const listed: string[] = []
    let page = await database.page({ limit: 7, order: 'newest' })
    for (; page.next; page = await database.page({ limit: 7, after: page.next, order: 'newest' }))
      listed.push(...timesOf(page))
    listed.push(...timesOf(page))
    expect(listed).toEqual(oldestFirst.reverse())
  })

  it('stores each of many concurrent times exactly once, in few transactions', async () => {
    await empty()
    const before = await inserts()
    await Promise.all(times(500).map((time) => database.save(time)))
    const after = await inserts()
    const listed = timesOf(await database.page({ limit: 1000 }))
    expect(listed).toHaveLength(500)
    expect(new Set(listed).size).toBe(500)
    expect(after - before).toBeLessThan(20)
  })
})

describe('counts', () => {
  const minute = 60_000
  const from = Date.UTC(2026, 0, 1)

  it('tells how many times each period has, the end not included', async () => {
    await empty()
    for (const at of [-1, 0, 1, minute - 1, 2 * minute, 3 * minute - 1, 3 * minute]) {
      await database.save(new Date(from + at))
    }
    expect(await database.counts({ per: 'minute', from, to: from + 3 * minute })).toEqual([3, 0, 2])
    expect(await database.counts({ per: 'hour', from, to: from + 120 * minute })).toEqual([6, 0])
    expect(await database.counts({ per: 'day', from: from - 1440 * minute, to: from + 1440 * minute })).toEqual([1, 6])
  })

  it('reads a range of the index, not the rows', async () => {
    const plan = await mysql.sql(
      "EXPLAIN FORMAT=TREE SELECT COUNT(*) FROM testtable WHERE dt >= '2026-01-01' AND dt < '2026-01-02'",
    )
    expect(plan).toMatch(/Covering index range scan on testtable using by_dt/)
  })

  it('are refused by the server itself when there is no time to count so many', async () => {
    await mysql.sql(`INSERT INTO testtable (dt)
      WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 999)
      SELECT '2026-02-01' + INTERVAL (1000 * a.i + b.i) SECOND FROM n AS a, n AS b WHERE a.i < 100`)
    const { writer, user, database: name } = options
    const connection = await connect({ ...writer, user, password: await options.password() }, 1000, { database: name })
    const range = { per: 'day', from: Date.UTC(2026, 1, 1), to: Date.UTC(2026, 2, 1) } as const
    try {
      await expect(selectCounts(connection, 'testtable', range, 1)).rejects.toBeInstanceOf(DatabaseOverloaded)
      const counts = await selectCounts(connection, 'testtable', range, 20_000)
      expect(counts.slice(0, 3)).toEqual([86_400, 13_600, 0])
    } finally {
      connection.destroy()
      await empty()
    }
  })
})

describe('status', () => {
  it('knows the newest row, and that all is well', async () => {
    await empty()
    const well = { writer: true, reader: true, readsFrom: 'reader', readerLagMs: 0 }
    expect(await database.status()).toEqual({ ...well, newestId: 0 })
    await database.save(new Date())
    expect(await database.status()).toEqual({ ...well, newestId: 1 })
  })

  it.each(['writer', 'reader'] as const)('tells within a second or so that the %s is away', async (away) => {
    const halved = openDatabase({ ...options, [away]: { host: '127.0.0.2', port: 1 } })
    try {
      const startedAt = performance.now()
      const status = await halved.status()
      expect(performance.now() - startedAt).toBeLessThan(2000)
      expect(status).toMatchObject({ writer: away !== 'writer', reader: away !== 'reader', newestId: 1 })
      expect(status.readsFrom).not.toBe(away)
      expect(status.readerLagMs).toBeUndefined()
    } finally {
      await halved.close()
    }
  })
})

describe('the connection policy', () => {
  it('goes on by itself after the server dropped every connection', async () => {
    await database.save(new Date())
    await mysql.killConnections('app')
    const outcome = async () =>
      database.save(new Date()).then(
        () => 'saved',
        () => 'refused',
      )
    const outcomes = [await outcome(), await outcome(), await outcome()]
    // At most the statement under way is lost.
    expect(outcomes.slice(1)).toEqual(['saved', 'saved'])
  })

  it('refuses within the deadline while the server is frozen, and recovers with it', async () => {
    const impatient = openDatabase({ ...options, deadlineMs: 700, connectTimeoutMs: 300 })
    try {
      await impatient.save(new Date())
      await mysql.freeze()
      const startedAt = performance.now()
      const outcomes = await Promise.allSettled([
        impatient.save(new Date()),
        impatient.page({ limit: 1 }),
        impatient.ping('reader'),
      ])
      expect(performance.now() - startedAt).toBeLessThan(1500)
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(DatabaseUnavailable) })
      }
      await mysql.thaw()
      await delay(600)
      await impatient.save(new Date())
    } finally {
      await impatient.close()
    }
  })

  it('gives up a connection that falls silent between its opening and its first use', async () => {
    await using proxy = await silentOnce('super_read_only', options.writer)
    const impatient = openDatabase({ ...options, writer: proxy.address, connectTimeoutMs: 300 })
    try {
      await impatient.save(new Date())
      expect(proxy.silenced()).toBe(true)
    } finally {
      await impatient.close()
    }
  })

  it('leaves nothing running at the server that nobody waits for any more', async () => {
    const hasty = openDatabase({ ...options, deadlineMs: 1500 })
    const running = () =>
      mysql.sql("SELECT INFO FROM information_schema.PROCESSLIST WHERE USER = 'app' AND INFO LIKE '%BENCHMARK%'")
    try {
      const endless = hasty.write((connection) => query(connection, 'SELECT BENCHMARK(1e15, SHA2(1, 512))'))
      await vi.waitFor(async () => expect(await running()).not.toBe(''))
      await expect(endless).rejects.toBeInstanceOf(DatabaseUnavailable)
      await vi.waitFor(async () => expect(await running()).toBe(''), 3000)
    } finally {
      await hasty.close()
    }
  })

  it('ends connections that are too old, even if nobody asks for one', async () => {
    const renewing = openDatabase({ ...options, connectionMaxAgeMs: 1000, saveBatchLimit: 1 })
    try {
      await Promise.all(times(4).map((time) => renewing.save(time)))
      await vi.waitFor(() => expect(renewing.state().writer.idle).toBe(4))
      await vi.waitFor(() => expect(renewing.state().writer.idle).toBe(0), 3000)
    } finally {
      await renewing.close()
    }
  })

  it('does not use a writer that is read-only, and repeats the refused statement when it is one no more', async () => {
    await database.save(new Date())
    await mysql.sql('SET GLOBAL super_read_only = ON')
    const counted = await count()
    const saving = database.save(new Date())
    await delay(300)
    await mysql.sql('SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF')
    await saving
    expect(await count()).toBe(counted + 1)
  })

  it('reads from the writer while the reader is away', async () => {
    const halved = openDatabase({ ...options, reader: { host: '127.0.0.2', port: 1 } })
    try {
      expect(timesOf(await halved.page({ limit: 1 }))).toHaveLength(1)
      await expect(halved.ping('reader')).rejects.toBeInstanceOf(DatabaseUnavailable)
      await halved.ping('writer')
    } finally {
      await halved.close()
    }
  })

  it('refuses at once what the queue has no room for', async () => {
    const narrow = openDatabase({ ...options, saveQueueLimit: 5, saveBatchLimit: 2 })
    try {
      const outcomes = await Promise.allSettled(times(50).map((time) => narrow.save(time)))
      const reasons = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason)
      expect(reasons.length).toBeGreaterThan(0)
      for (const reason of reasons) expect(reason).toBeInstanceOf(DatabaseOverloaded)
    } finally {
      await narrow.close()
    }
  })
})

describe('the least rights', () => {
  it.each([
    'DELETE FROM testtable',
    'UPDATE testtable SET dt = NOW()',
    'DROP TABLE testtable',
    'CREATE TABLE other (id INT)',
    'SELECT * FROM schema_migrations',
    'SELECT * FROM mysql.user',
    'GRANT SELECT ON testtable TO app',
  ])('let the application not do: %s', async (statement) => {
    const { writer, user, database } = options
    const connection = await connect({ ...writer, user, password: await options.password() }, 1000, { database })
    const outcome = query(connection, statement).finally(() => connection.destroy())
    await expect(outcome).rejects.toThrow(/denied/)
  })
})

const timesOf = (page: Page) => page.text.toString().match(/.{19}/g) ?? []

/** Stands before a server and passes everything on, but the first packet with these words and what follows it. */
async function silentOnce(words: string, server: { host: string; port: number }) {
  let silenced = false
  const proxy = createServer((client) => {
    const upstream = connectTo(server)
    let silent = false
    client.on('data', (bytes) => {
      if (!silenced && bytes.includes(words)) silenced = silent = true
      if (!silent) upstream.write(bytes)
    })
    client.on('close', () => upstream.destroy()).on('error', () => {})
    upstream.on('close', () => client.destroy()).on('error', () => {})
    upstream.pipe(client)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return {
    address: { host: '127.0.0.1', port: (proxy.address() as AddressInfo).port },
    silenced: () => silenced,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void proxy.close(() => resolve())),
  }
}
