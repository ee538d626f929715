import { type AddressInfo, connect as connectTo, createServer } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type Connection,
  createDatabaseClient,
  type DatabaseClient,
  type DatabaseClientOptions,
  DatabaseOverloaded,
  DatabaseUnavailable,
  query,
  WriteOutcomeUnknown,
} from '../../src/index.ts'
import { bytesOf } from '../bytes-of.ts'
import { type MigratedServer, startMigrated } from '../server.ts'

let mysql: MigratedServer['mysql']
let options: DatabaseClientOptions
let client: DatabaseClient

beforeAll(async () => {
  ;({ mysql, options } = await startMigrated())
  await mysql.sql(`CREATE TABLE account (id INT PRIMARY KEY, balance INT NOT NULL);
    CREATE TABLE movement (account INT NOT NULL, FOREIGN KEY (account) REFERENCES account (id));
    GRANT SELECT, INSERT, UPDATE, DELETE ON account TO app; GRANT INSERT ON movement TO app`)
  client = createDatabaseClient(options)
})

afterAll(async () => {
  await client?.close()
  await mysql?.[Symbol.asyncDispose]()
})

beforeEach(() => mysql.sql('DELETE FROM account; INSERT INTO account VALUES (1, 100), (2, 100)'))

const nowhere = { host: '127.0.0.2', port: 1 }
/** The server under another name. */
const aliased = () => ({ ...options.reader, host: options.reader.host === 'localhost' ? '127.0.0.1' : 'localhost' })
const unavailable = { status: 'rejected', reason: expect.any(DatabaseUnavailable) }
const unknown = { status: 'rejected', reason: expect.any(WriteOutcomeUnknown) }

const balances = async () => (await mysql.sql('SELECT balance FROM account ORDER BY id')).split('\n').map(Number)
const count = (connection: Connection) => query(connection, 'SELECT COUNT(*) AS count FROM account')
const change = (connection: Connection, id: number, amount: number) =>
  query(connection, 'UPDATE account SET balance = balance + ? WHERE id = ?', [amount, id])
const deposit = (connection: Connection) => change(connection, 1, 1)
const add = (connection: Connection, id: number) => query(connection, 'INSERT INTO account VALUES (?, 0)', [id])
const running = (words: string) =>
  mysql.sql(`SELECT INFO FROM information_schema.PROCESSLIST WHERE USER = 'app' AND INFO LIKE '%${words}%'`)

/** Runs `work` with a client of other options. */
async function withClient(changes: Partial<DatabaseClientOptions>, work: (other: DatabaseClient) => Promise<void>) {
  const other = createDatabaseClient({ ...options, ...changes })
  try {
    await work(other)
  } finally {
    await other.close()
  }
}

describe('status', () => {
  it('finds both endpoints', () =>
    withClient({ reader: aliased() }, async (other) => {
      const expected = { writer: true, reader: true, hasReader: true, readsFrom: 'reader', readerLagMs: 0 }
      expect(await other.status()).toMatchObject(expected)
    }))

  it('shows that both endpoints are one server', async () => {
    const status = await client.status()
    expect(status).toMatchObject({ writer: true, reader: true, hasReader: false, readsFrom: 'writer' })
    expect(status.readerLagMs).toBeUndefined()
  })

  it('shows it also while that server is unavailable', () =>
    withClient({ writer: nowhere, reader: nowhere }, async (other) => {
      expect(await other.status()).toMatchObject({ writer: false, reader: false, hasReader: false })
    }))

  it.each(['writer', 'reader'] as const)('finds that the %s is unavailable', (endpoint) =>
    withClient({ [endpoint]: nowhere }, async (halved) => {
      const status = await halved.status()
      expect(status).toMatchObject({ writer: endpoint !== 'writer', reader: endpoint !== 'reader' })
      expect(status.readsFrom).not.toBe(endpoint)
      expect(status.readerLagMs).toBeUndefined()
      if (endpoint === 'writer') expect(status.durability).toBeUndefined()
    }),
  )

  it('shows that writes are on one machine, since when, and counts them', async () => {
    const { durability: before } = await client.status()
    expect(before?.copies).toBe('one')
    await client.write(deposit)
    const { durability: after } = await client.status()
    expect(after?.since).toEqual(before?.since)
    expect(after?.transactions.one).toBeGreaterThan(before?.transactions.one ?? 0)
    expect(client.state().durability).toEqual(after)
  })
})

describe('ping', () => {
  it('costs a crowd of callers two statements at most', async () => {
    const asked = async () =>
      Number(
        await mysql.sql(`SELECT COALESCE(SUM(COUNT_STAR), 0) FROM performance_schema.events_statements_summary_by_digest
          WHERE SCHEMA_NAME = '${options.database}' AND DIGEST_TEXT = 'SELECT ?'`),
      )
    await client.ping('reader')
    const before = await asked()
    await Promise.all(Array.from({ length: 100 }, () => client.ping('reader')))
    expect((await asked()) - before).toBeGreaterThan(0)
    expect((await asked()) - before).toBeLessThanOrEqual(2)
  })
})

describe('the connection policy', () => {
  it.each(['writer', 'reader'] as const)(
    'lets the server end connections to the %s within a minute',
    async (endpoint) => {
      const limits = (connection: Connection) =>
        query(connection, 'SELECT @@SESSION.wait_timeout AS idle, @@SESSION.net_write_timeout AS sending')
      const [row] = endpoint === 'writer' ? await client.write(limits) : await client.read(limits)
      // The pool ends idle connections before, within 30 s.
      expect(row?.idle).toBeGreaterThan(30)
      expect(row?.idle).toBeLessThan(60)
      expect(row?.sending).toBeLessThan(60)
    },
  )

  it('stores no part of a value that does not fit, whatever the default of the server is', async () => {
    await mysql.sql("SET GLOBAL sql_mode = ''")
    try {
      await withClient({}, async (other) => {
        const adding = other.write((connection) => add(connection, 2 ** 31))
        await expect(adding).rejects.toMatchObject({ name: 'DatabaseError', code: 'ER_WARN_DATA_OUT_OF_RANGE' })
      })
    } finally {
      await mysql.sql('SET GLOBAL sql_mode = DEFAULT')
    }
    expect(await balances()).toEqual([100, 100])
  })

  it('recovers by itself after the server dropped every connection', async () => {
    await client.write(deposit)
    await mysql.killConnections('app')
    const outcomes: PromiseSettledResult<unknown>[] = []
    for (let at = 0; at < 3; at += 1) outcomes.push(...(await Promise.allSettled([client.write(deposit)])))
    // At most the statement in flight is lost.
    expect(outcomes.slice(1).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
  })

  it('refuses at the deadline while the server is frozen, and recovers with it', () =>
    withClient({ deadlineMs: 700, connectTimeoutMs: 300 }, async (impatient) => {
      await vi.waitFor(() => impatient.write(deposit), 300_000)
      await mysql.freeze()
      try {
        const outcomes = await Promise.allSettled([
          impatient.write(deposit),
          impatient.read(count),
          impatient.transaction(deposit),
          impatient.ping('reader'),
        ])
        expect(outcomes).toEqual([unknown, unavailable, unavailable, { ...unavailable, reason: expect.any(Error) }])
      } finally {
        await mysql.thaw()
      }
      await vi.waitFor(() => impatient.write(deposit), 300_000)
    }))

  it('gives up a connection that falls silent between its opening and its first use', async () => {
    await using proxy = await silentOnce(/super_read_only/, options.writer)
    await withClient({ writer: proxy.address, connectTimeoutMs: 300 }, async (impatient) => {
      await vi.waitFor(() => impatient.write(deposit), 300_000)
      expect(proxy.silenced()).toBe(true)
    })
  })

  it('leaves no statement running at the server that nobody waits for any more', () =>
    withClient({ deadlineMs: 1500 }, async (hasty) => {
      const endless = hasty.write((connection) => query(connection, 'SELECT BENCHMARK(1e15, SHA2(1, 512))'))
      await vi.waitFor(async () => expect(await running('BENCHMARK')).not.toBe(''), 300_000)
      await expect(endless).rejects.toBeInstanceOf(WriteOutcomeUnknown)
      await vi.waitFor(async () => expect(await running('BENCHMARK')).toBe(''), 300_000)
    }))

  it('leaves no statement waiting for a lock that nobody waits for any more', () =>
    withClient({ deadlineMs: 500 }, async (hasty) => {
      await vi.waitFor(() => hasty.write(deposit), 300_000)
      const [held, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const holding = client.transaction(
        async (connection) => {
          await deposit(connection)
          held.resolve()
          await released.promise
        },
        { deadline: performance.now() + 60_000 },
      )
      await held.promise
      try {
        await expect(hasty.write(deposit)).rejects.toBeInstanceOf(WriteOutcomeUnknown)
        await vi.waitFor(async () => expect(await running('UPDATE account')).toBe(''), 300_000)
      } finally {
        released.resolve()
        await holding
      }
    }))

  it('leaves no write waiting for a table that nobody waits for any more', () =>
    withClient({ deadlineMs: 1800 }, async (hasty) => {
      await vi.waitFor(() => hasty.write(deposit), 300_000)
      const locked = mysql.sql('LOCK TABLES account READ; DO SLEEP(20); UNLOCK TABLES')
      await vi.waitFor(
        async () =>
          expect(await mysql.sql("SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE 'DO SLEEP%'")).toBe('1'),
        300_000,
      )
      const refused = await Promise.allSettled([hasty.write(deposit), hasty.transaction(deposit)])
      expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
      await vi.waitFor(async () => expect(await running('UPDATE account')).toBe(''), 10_000)
      await locked
      expect(await balances()).toEqual([101, 100])
    }))

  it('repeats a statement that waited too long for a lock', async () => {
    let runs = 0
    const deadline = performance.now() + 60_000
    const held = Promise.withResolvers<void>()
    const waited = Promise.withResolvers<void>()
    const holding = client.transaction(
      async (connection) => {
        await deposit(connection)
        held.resolve()
        await waited.promise
      },
      { deadline },
    )
    await held.promise
    await client.write(
      (connection) => {
        runs += 1
        if (runs === 2) waited.resolve()
        return deposit(connection)
      },
      { deadline },
    )
    await holding
    expect(runs).toBe(2)
    expect(await balances()).toEqual([102, 100])
  })

  it('ends connections that are too old, even if nobody asks for one', () =>
    withClient({ maxLifetimeMs: 1000 }, async (renewing) => {
      await Promise.all([11, 12, 13, 14].map((id) => renewing.write((connection) => add(connection, id))))
      await vi.waitFor(() => expect(renewing.state().writer.idle).toBe(0), 300_000)
    }))

  it('does not use a writer that is read-only, and repeats the refused statement when it is no longer', async () => {
    await client.write(deposit)
    await mysql.sql('SET GLOBAL super_read_only = ON')
    const saving = client.write(deposit, { deadline: performance.now() + 60_000 })
    await vi.waitFor(() => expect(client.state().writer.failing).toBe(true), 300_000)
    await mysql.sql('SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF')
    await saving
    expect(await balances()).toEqual([102, 100])
  })

  it('gives up at the deadline when the writer stays read-only', async () => {
    await mysql.sql('SET GLOBAL super_read_only = ON')
    try {
      await expect(client.write(deposit)).rejects.toBeInstanceOf(DatabaseUnavailable)
      await expect(client.transaction(deposit)).rejects.toBeInstanceOf(DatabaseUnavailable)
    } finally {
      await mysql.sql('SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF')
    }
    expect(await balances()).toEqual([100, 100])
  })

  it('reads from the writer while the reader is unavailable', () =>
    withClient({ reader: nowhere }, async (halved) => {
      expect(await halved.read(count)).toEqual([{ count: 2 }])
      expect(halved.state().fallbacks).toBe(1)
      await expect(halved.ping('reader')).rejects.toBeInstanceOf(DatabaseUnavailable)
      await halved.ping('writer')
    }))

  it('reads from a read-only writer only while the reader is unavailable', async () => {
    const after = [{ connection: '0'.repeat(16), number: 1 }]
    await mysql.sql('SET GLOBAL super_read_only = ON')
    try {
      await withClient({ reader: nowhere }, async (halved) => {
        expect(await halved.read(count)).toEqual([{ count: 2 }])
        // Another server may have it.
        await expect(halved.read(count, { after })).rejects.toBeInstanceOf(DatabaseUnavailable)
      })
      await expect(client.read(count, { after })).rejects.toBeInstanceOf(DatabaseUnavailable)
    } finally {
      await mysql.sql('SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF')
    }
  })

  it.each(['reader', 'writer'])('reads in time after a rest while the %s is unavailable', (endpoint) =>
    // The lag is measured every 5 s.
    withClient({ [endpoint]: nowhere, readerLagLimitMs: 25_000, deadlineMs: 4000 }, async (halved) => {
      expect(await halved.read(count)).toEqual([{ count: 2 }])
      expect(halved.state().fallbacks).toBe(endpoint === 'reader' ? 1 : 0)
    }),
  )

  it("gives a read the reader's share of the time, then the rest for the writer", async () => {
    const runs: number[] = []
    const calledAt = performance.now()
    await client
      .read(
        async (_connection, deadline) => {
          runs.push(Math.round((deadline - calledAt) / 100))
          throw new DatabaseUnavailable('slow')
        },
        { deadline: calledAt + 10_000 },
      )
      .catch(() => {})
    // What passes before the read begins is not shared.
    expect(runs[0]).toBeGreaterThanOrEqual(50)
    expect(runs[0]).toBeLessThan(75)
    expect(runs[1]).toBe(100)
  })

  it('carries out writes while reads hold all their connections to the writer', () =>
    withClient({ reader: nowhere }, async (halved) => {
      const deadline = performance.now() + 60_000
      const [released, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      let holding = 0
      const hold = async () => {
        holding += 1
        if (holding === options.fallbackConnections) held.resolve()
        await released.promise
      }
      // For half a second afterwards no read asks the reader.
      await halved.read(count, { deadline: performance.now() + 200 }).catch(() => {})
      const reads = Array.from({ length: 100 }, () => halved.read(hold, { deadline }))
      await held.promise
      await halved.write(deposit)
      await halved.transaction(deposit)
      await halved.ping('writer')
      expect(holding).toBe(options.fallbackConnections)
      released.resolve()
      await Promise.all(reads)
    }))

  it('does not read from the writer because the reader is busy', () =>
    withClient({ reader: aliased(), deadlineMs: 60_000 }, async (other) => {
      const sleep = (connection: Connection) => query(connection, 'SELECT SLEEP(30)')
      const deadline = performance.now() + 6000
      const reads = Array.from({ length: 3 * options.readerConnections }, () => other.read(sleep, { deadline }))
      const overloaded = { status: 'rejected', reason: expect.any(DatabaseOverloaded) }
      expect(await Promise.allSettled(reads)).toEqual(reads.map(() => overloaded))
      expect(other.state().fallbacks).toBe(0)
      expect((await other.status()).readsFrom).toBe('reader')
    }))

  it('reads from the writer while the reader is frozen', async () => {
    await using frozen = await silentOnce(/COUNT/, options.reader, 'freeze')
    await withClient({ reader: frozen.address }, async (halved) => {
      expect(await halved.read(count)).toEqual([{ count: 2 }])
      expect(frozen.silenced()).toBe(true)
      expect(halved.state().fallbacks).toBe(1)
    })
  })

  it('refuses callers above the limit of the queue', () =>
    withClient({ writerConnections: 1, connectionQueueLimit: 2 }, async (narrow) => {
      const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => narrow.write(deposit)))
      const reasons = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason)
      // The heartbeat may be one of those that wait.
      expect(reasons.length).toBeGreaterThanOrEqual(3)
      for (const reason of reasons) expect(reason).toBeInstanceOf(DatabaseOverloaded)
    }))
})

describe('transaction', () => {
  it('commits all of its statements, and gives the result of the work', async () => {
    const result = await client.transaction(async (connection) => {
      await change(connection, 1, -30)
      await change(connection, 2, 30)
      return 'moved'
    })
    expect(result).toBe('moved')
    expect(await balances()).toEqual([70, 130])
  })

  it('commits none of them when the work fails, and passes on its error', async () => {
    const failure = new Error('not enough')
    const failing = client.transaction(async (connection) => {
      await change(connection, 1, -30)
      throw failure
    })
    await expect(failing).rejects.toBe(failure)
    expect(await balances()).toEqual([100, 100])
    // The connection is fit for the next one.
    await client.write(deposit)
    expect(await balances()).toEqual([101, 100])
  })

  it('passes on an error of the server without the statement', async () => {
    const failure = await client
      .transaction(async (connection) => {
        await deposit(connection)
        await add(connection, 2)
      })
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'DatabaseError', code: 'ER_DUP_ENTRY' })
    expect(bytesOf(failure)).not.toMatch(/account/)
    expect(await balances()).toEqual([100, 100])
  })

  it('shows its changes to nobody before the commit', async () => {
    await client.transaction(async (connection) => {
      await deposit(connection)
      expect(await balances()).toEqual([100, 100])
    })
    expect(await balances()).toEqual([101, 100])
  })

  it.each([
    ['looks for a row that does not exist', 'SELECT * FROM account WHERE id = 1000 FOR UPDATE'],
    ['refers to a row that does not exist', 'INSERT INTO movement VALUES (1000)'],
  ])('keeps nobody from storing a row when it %s', async (_, sql) => {
    const deadline = performance.now() + 60_000
    const [failed, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const open = client.transaction(
      async (connection) => {
        await query(connection, sql).catch(() => {})
        failed.resolve()
        await released.promise
      },
      { deadline },
    )
    await failed.promise
    try {
      await client.write((connection) => add(connection, 2000), { deadline })
    } finally {
      released.resolve()
      await open
    }
    expect(await balances()).toEqual([100, 100, 0])
  })

  it('is repeated when it lost a deadlock: both of two that cross each other are committed', async () => {
    let runs = 0
    const bothHold = Promise.withResolvers<void>()
    const move = (from: number, to: number) =>
      client.transaction(
        async (connection) => {
          runs += 1
          await change(connection, from, -10)
          if (runs === 2) bothHold.resolve()
          await bothHold.promise
          await change(connection, to, 10)
        },
        { deadline: performance.now() + 60_000 },
      )
    await Promise.all([move(1, 2), move(2, 1)])
    expect(runs).toBe(3)
    expect(await balances()).toEqual([100, 100])
  })

  it('is repeated when it waited too long for a lock, a bounded number of times', async () => {
    let runs = 0
    const released = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    const deadline = performance.now() + 60_000
    const holding = client.transaction(
      async (connection) => {
        await deposit(connection)
        held.resolve()
        await released.promise
      },
      { deadline },
    )
    await held.promise
    try {
      const waiting = client.transaction(
        async (connection) => {
          runs += 1
          await add(connection, 3)
          await query(connection, 'SET SESSION innodb_lock_wait_timeout = 1')
          await deposit(connection)
        },
        { deadline },
      )
      await expect(waiting).rejects.toBeInstanceOf(DatabaseOverloaded)
      expect(runs).toBe(5)
    } finally {
      released.resolve()
      await holding
    }
    // Nothing of the runs that lost has stayed.
    expect(await balances()).toEqual([101, 100])
  })

  it('ends at its deadline, and is rolled back', async () => {
    const late = client.transaction(
      async (connection) => {
        await deposit(connection)
        await query(connection, 'SELECT SLEEP(600)')
      },
      { deadline: performance.now() + 300 },
    )
    await expect(late).rejects.toBeInstanceOf(DatabaseUnavailable)
    await vi.waitFor(async () => expect(await running('SLEEP')).toBe(''), 300_000)
    expect(await balances()).toEqual([100, 100])
  })

  it('is repeated when the writer refused it as read-only', async () => {
    let runs = 0
    const transaction = client.transaction(
      async (connection) => {
        runs += 1
        if (runs === 1) await mysql.sql('SET GLOBAL super_read_only = ON')
        await deposit(connection)
      },
      { deadline: performance.now() + 60_000 },
    )
    await vi.waitFor(() => expect(client.state().writer.failing).toBe(true), 300_000)
    await mysql.sql('SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF')
    await transaction
    expect(runs).toBe(2)
    expect(await balances()).toEqual([101, 100])
  })

  it('is never repeated when the outcome of its commit is unknown', async () => {
    await using proxy = await silentOnce(/COMMIT$/, options.writer)
    await withClient({ writer: proxy.address }, async (cutOff) => {
      await vi.waitFor(() => cutOff.write(count), 300_000)
      let runs = 0
      const unclear = cutOff.transaction(
        async (connection) => {
          runs += 1
          await deposit(connection)
        },
        { deadline: performance.now() + 1000 },
      )
      await expect(unclear).rejects.toBeInstanceOf(WriteOutcomeUnknown)
      expect(runs).toBe(1)
      expect(proxy.silenced()).toBe(true)
    })
  })

  it('is never repeated when the connection is lost during the commit', async () => {
    await using proxy = await silentOnce(/COMMIT$/, options.writer, 'cut')
    await withClient({ writer: proxy.address }, async (cutOff) => {
      let runs = 0
      const unclear = cutOff.transaction(async (connection) => {
        runs += 1
        await deposit(connection)
      })
      await expect(unclear).rejects.toBeInstanceOf(WriteOutcomeUnknown)
      expect(runs).toBe(1)
      expect(await balances()).toEqual([100, 100])
    })
  })
})

describe('a write whose connection is lost', () => {
  it('has an unknown outcome once its statement was sent', async () => {
    await using proxy = await silentOnce(/UPDATE account/, options.writer, 'cut')
    await withClient({ writer: proxy.address }, async (cutOff) => {
      await expect(cutOff.write(deposit)).rejects.toBeInstanceOf(WriteOutcomeUnknown)
    })
  })

  it('is not committed when that was before the commit of its transaction', async () => {
    await using proxy = await silentOnce(/UPDATE account/, options.writer, 'cut')
    await withClient({ writer: proxy.address }, async (cutOff) => {
      await expect(cutOff.transaction(deposit)).rejects.toBeInstanceOf(DatabaseUnavailable)
      expect(await balances()).toEqual([100, 100])
    })
  })

  it('is not sent after its time for that, though its deadline is later', () =>
    withClient({ writer: nowhere }, async (cutOff) => {
      const calledAt = performance.now()
      const limits = { sendBy: calledAt + 100, deadline: calledAt + 3_600_000 }
      await expect(cutOff.write(deposit, limits)).rejects.toBeInstanceOf(DatabaseUnavailable)
      await expect(cutOff.transaction(deposit, limits)).rejects.toBeInstanceOf(DatabaseUnavailable)
    }))
})

describe('close', () => {
  it('waits for the work in flight and refuses what comes later', async () => {
    const closing = createDatabaseClient(options)
    const [started, finish] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const transaction = closing.transaction(async (connection) => {
      await deposit(connection)
      started.resolve()
      await finish.promise
    })
    await started.promise
    const closed = closing.close()
    await expect(closing.write(deposit)).rejects.toBeInstanceOf(DatabaseUnavailable)
    finish.resolve()
    await Promise.all([transaction, closed])
    expect(await balances()).toEqual([101, 100])
  })
})

/**
 * Forwards everything to a server until the first packet that matches: then the connection falls silent, or ends, or
 * every connection falls silent.
 */
async function silentOnce(
  statement: RegExp,
  server: { host: string; port: number },
  then: 'hang' | 'cut' | 'freeze' = 'hang',
) {
  let silenced = false
  const proxy = createServer((client) => {
    const upstream = connectTo(server)
    let silent = false
    client.on('data', (bytes) => {
      if (!silenced && statement.test(bytes.toString('latin1'))) {
        silenced = silent = true
        if (then === 'cut') client.destroy()
      }
      if (!silent && !(silenced && then === 'freeze')) upstream.write(bytes)
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
