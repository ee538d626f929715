import { createHash } from 'node:crypto'
import { type AddressInfo, connect as connectTo, createServer } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type Connection,
  createDatabaseClient,
  createKeyedWrites,
  type DatabaseClient,
  type DatabaseClientOptions,
  type KeyedWrite,
  type KeyedWrites,
  KeyInProgress,
  KeyReused,
  query,
  removeExpiredKeys,
  WriteOutcomeUnknown,
} from '../../src/index.ts'
import { type MigratedServer, startMigrated } from '../server.ts'

let mysql: MigratedServer['mysql']
let options: DatabaseClientOptions
/** Two processes, as far as the database sees. */
let clients: readonly [DatabaseClient, DatabaseClient]
let writes: readonly [KeyedWrites, KeyedWrites]

beforeAll(async () => {
  ;({ mysql, options } = await startMigrated())
  await mysql.sql(`CREATE TABLE noted (id BIGINT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(100) NOT NULL);
    GRANT SELECT, INSERT ON noted TO app`)
  clients = [createDatabaseClient(options), createDatabaseClient(options)]
  writes = [createKeyedWrites(clients[0]), createKeyedWrites(clients[1])]
})

afterAll(async () => {
  for (const client of clients ?? []) await client.close()
  await mysql?.[Symbol.asyncDispose]()
})

beforeEach(() => mysql.sql('TRUNCATE noted; TRUNCATE idempotency_keys'))

const digest = (text: string) => createHash('md5').update(text).digest('hex')
const keyOf = (name: string, request = '') => ({ id: digest(name), fingerprint: digest(request) })
const writeOf = (name: string, request?: string) => ({ key: keyOf(name, request), result: `result of ${name}`, name })
const note = (connection: Connection, name: string) => query(connection, 'INSERT INTO noted (text) VALUES (?)', [name])
const noteAll = (all: readonly { name: string }[]) => [
  ['INSERT INTO noted (text) VALUES ?', [all.map(({ name }) => [name])]] as const,
]
const noted = async () => (await mysql.sql('SELECT text FROM noted ORDER BY id')).split('\n').filter(Boolean)
const unhurried = () => ({ deadline: performance.now() + 600_000 })

describe('run', () => {
  const run = (which: 0 | 1, name: string, request?: string) =>
    writes[which].run(
      keyOf(name, request),
      async (connection) => {
        await note(connection, name)
        return `by ${which}`
      },
      unhurried(),
    )

  it('carries out a write once, and gives its result to whoever repeats it', async () => {
    expect(await run(0, 'a')).toMatchObject({ result: 'by 0', replayed: false })
    expect(await run(0, 'a')).toMatchObject({ result: 'by 0', replayed: true })
    expect(await run(1, 'a')).toMatchObject({ result: 'by 0', replayed: true })
    expect(await noted()).toEqual(['a'])
  })

  it('refuses another request with the key', async () => {
    await run(0, 'a', 'one')
    await expect(run(1, 'a', 'other')).rejects.toBeInstanceOf(KeyReused)
    expect(await noted()).toEqual(['a'])
  })

  it('stores no key for work that fails', async () => {
    const failure = new Error('invalid')
    const failing = writes[0].run(keyOf('a'), async (connection) => {
      await note(connection, 'a')
      throw failure
    })
    await expect(failing).rejects.toBe(failure)
    expect(await run(0, 'a')).toMatchObject({ replayed: false })
    expect(await noted()).toEqual(['a'])
  })

  it('carries out one of many concurrent ones, whose result all get', async () => {
    const outcomes = await Promise.all(Array.from({ length: 40 }, (_, at) => run(at % 2 === 0 ? 0 : 1, 'a')))
    expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(1)
    expect(new Set(outcomes.map(({ result }) => result)).size).toBe(1)
    expect(await noted()).toEqual(['a'])
  })

  it('stores any text as result', async () => {
    const text = `it's "quoted" \\ 😀 ${'x'.repeat(100_000)}`
    await writes[0].run(keyOf('a'), async () => text)
    expect(await writes[1].run(keyOf('a'), async () => '')).toMatchObject({ result: text, replayed: true })
  })
})

describe('runAll', () => {
  const runAll = (which: 0 | 1, all: readonly (KeyedWrite & { name: string })[]) =>
    writes[which].runAll(all, noteAll, unhurried())

  it('carries out those that are new, and fails nobody for the others', async () => {
    await runAll(0, [writeOf('a'), writeOf('b')])
    const outcomes = await runAll(1, [writeOf('d'), writeOf('a'), writeOf('c'), writeOf('b', 'another request')])
    expect(outcomes).toMatchObject([
      { result: 'result of d', replayed: false },
      { result: 'result of a', replayed: true },
      { result: 'result of c', replayed: false },
      expect.any(KeyReused),
    ])
    expect((await noted()).sort()).toEqual(['a', 'b', 'c', 'd'])
  })

  it('carries out the first of several with one key', async () => {
    const [first, other] = [writeOf('a'), writeOf('a', 'another request')]
    expect(await runAll(0, [first, { ...writeOf('a'), result: 'unused' }, other, writeOf('b')])).toMatchObject([
      { result: 'result of a', replayed: false },
      { result: 'result of a', replayed: true },
      expect.any(KeyReused),
      { result: 'result of b', replayed: false },
    ])
    expect((await noted()).sort()).toEqual(['a', 'b'])
  })

  it('passes on an error of the statement, and stores none of the writes', async () => {
    const twice = () => [['INSERT INTO noted (id, text) VALUES (1, ?), (1, ?)', ["it's;", '; COMMIT']]] as const
    const failing = writes[0].runAll([writeOf('a')], twice, unhurried())
    await expect(failing).rejects.toMatchObject({ name: 'DatabaseError', code: 'ER_DUP_ENTRY' })
    expect(await noted()).toEqual([])
    expect(await runAll(0, [writeOf('a')])).toMatchObject([{ replayed: false }])
    expect(await noted()).toEqual(['a'])
  })

  it('carries out each write once when two run the same ones in other orders', async () => {
    const all = Array.from({ length: 50 }, (_, at) => writeOf(String(at)))
    const both = await Promise.all([runAll(0, all), runAll(1, all.toReversed())])
    expect(both.flat().filter((outcome) => !(outcome instanceof Error) && !outcome.replayed)).toHaveLength(50)
    expect(await noted()).toHaveLength(50)
  })

  it('refuses a write that an open transaction elsewhere has begun, stores the others, and then waits no more', async () => {
    const held = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const holding = writes[0].run(
      keyOf('held'),
      async () => {
        held.resolve()
        await release.promise
        return ''
      },
      unhurried(),
    )
    await held.promise
    const waits = () => mysql.sql("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'")
    try {
      const stored = { replayed: false }
      const blocked = expect.any(KeyInProgress)
      expect(await runAll(1, [writeOf('a'), writeOf('held'), writeOf('b')])).toMatchObject([stored, blocked, stored])
      const before = await waits()
      expect(await runAll(1, [writeOf('held'), writeOf('c')])).toMatchObject([blocked, stored])
      expect(await waits()).toBe(before)
    } finally {
      release.resolve()
      await holding
    }
    expect(await runAll(1, [writeOf('held')])).toMatchObject([{ replayed: true }])
    expect((await noted()).sort()).toEqual(['a', 'b', 'c'])
  })

  it('finds a write whose commit was carried out but not confirmed', async () => {
    await using proxy = await unconfirmedOnce('COMMIT', options.writer)
    const cutOff = createDatabaseClient({ ...options, writer: proxy.address })
    try {
      const through = createKeyedWrites(cutOff)
      await expect(through.runAll([writeOf('a')], noteAll)).rejects.toBeInstanceOf(WriteOutcomeUnknown)
      expect(await through.runAll([writeOf('a'), writeOf('b')], noteAll, unhurried())).toMatchObject([
        { replayed: true },
        { replayed: false },
      ])
      expect(await noted()).toEqual(['a', 'b'])
    } finally {
      await cutOff.close()
    }
  })

  it('stores one row per key through a thousand random retries by two processes with lost connections', async () => {
    const names = Array.from({ length: 100 }, (_, at) => `key ${at}`)
    const results = new Map<string, Set<string>>(names.map((name) => [name, new Set()]))
    let tries = 0

    /** Tries each of some names again until it has a result. */
    async function retry(which: 0 | 1, some: readonly string[]): Promise<void> {
      for (let left = some; left.length > 0; ) {
        tries += left.length
        const all = left.map((name) => ({ key: keyOf(name), result: `${name} by ${tries}`, name }))
        const outcomes = await writes[which].runAll(all, noteAll).catch(() => [])
        left = left.filter((name, at) => {
          const outcome = outcomes[at]
          if (outcome === undefined || outcome instanceof Error) return true
          results.get(name)?.add(outcome.result)
          return false
        })
      }
    }

    let killing = true
    const kills = (async () => {
      while (killing) await mysql.killConnections('app').catch(() => {})
    })()
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(
        Array.from({ length: 8 }, (_, at) =>
          retry(
            at % 2 === 0 ? 0 : 1,
            names.filter(() => Math.random() < 0.25),
          ),
        ),
      )
    }
    killing = false
    await kills
    await retry(0, names)
    expect(tries).toBeGreaterThan(1000)
    expect((await noted()).sort()).toEqual(names.toSorted())
    expect([...results.values()].filter(({ size }) => size !== 1)).toEqual([])
  })
})

describe('removeExpiredKeys', () => {
  it('removes keys of more than 25 hours, from two processes at the same time', async () => {
    await mysql.sql(`SET SESSION cte_max_recursion_depth = 10000;
      INSERT INTO idempotency_keys (id, fingerprint, result, created_at)
      WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 2499)
      SELECT UNHEX(LEFT(SHA2(i, 256), 32)), '', '', UTC_TIMESTAMP(3) - INTERVAL 25 HOUR - INTERVAL (i + 1) SECOND FROM n`)
    await mysql.sql(`INSERT INTO idempotency_keys (id, fingerprint, result, created_at)
      VALUES ('young', '', '', UTC_TIMESTAMP(3) - INTERVAL 24 HOUR)`)
    const removeAll = async (client: DatabaseClient) => {
      let removed = 0
      for (let some = -1; some !== 0; removed += some) some = await removeExpiredKeys(client)
      return removed
    }
    const removed = await Promise.all(clients.map(removeAll))
    expect(removed.reduce((sum, some) => sum + some)).toBe(2500)
    expect(await mysql.sql('SELECT COUNT(*), MIN(TRIM(id)) FROM idempotency_keys')).toMatch(/^1\tyoung/)
  })

  it('removes none early when the clock of the server is ahead', async () => {
    const [client] = clients
    await mysql.sql("INSERT INTO idempotency_keys (id, fingerprint, result) VALUES ('', '', '')")
    const ahead: DatabaseClient['write'] = (work, options) =>
      client.write(async (connection, deadline) => {
        await query(connection, 'SET timestamp = UNIX_TIMESTAMP() + 26 * 3600')
        return work(connection, deadline).finally(() => query(connection, 'SET timestamp = DEFAULT'))
      }, options)
    expect(await removeExpiredKeys({ ...client, write: ahead })).toBe(0)
  })
})

/** Forwards everything, until a server has carried out the first packet with these words: its response is lost. */
async function unconfirmedOnce(words: string, server: { host: string; port: number }) {
  let done = false
  const proxy = createServer((client) => {
    const upstream = connectTo(server)
    let dropping = false
    client.on('data', (bytes) => {
      if (!done && bytes.includes(words)) done = dropping = true
      upstream.write(bytes)
    })
    upstream.on('data', (bytes) => (dropping ? client.destroy() : client.write(bytes)))
    client.on('close', () => upstream.destroy()).on('error', () => {})
    upstream.on('close', () => client.destroy()).on('error', () => {})
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return {
    address: { host: '127.0.0.1', port: (proxy.address() as AddressInfo).port },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void proxy.close(() => resolve())),
  }
}
