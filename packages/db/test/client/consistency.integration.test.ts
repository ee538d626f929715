import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type Connection,
  commit,
  createDatabaseClient,
  type DatabaseClient,
  type DatabaseClientOptions,
  DatabaseUnavailable,
  DataNotFound,
  markCommit,
  type Point,
  query,
  readPoint,
  removeExpiredMarks,
} from '../../src/index.ts'
import { type MigratedServer, startMigrated } from '../server.ts'

/** Without GTIDs, as Aurora's readers are. */
let writer: MigratedServer
let reader: MigratedServer
let options: DatabaseClientOptions
let client: DatabaseClient

beforeAll(async () => {
  ;[writer, reader] = await Promise.all([startMigrated(), startMigrated()])
  const password = await writer.options.password()
  await reader.mysql.sql(`ALTER USER app IDENTIFIED BY '${password}'`)
  for (const { mysql } of [writer, reader]) {
    for (const mode of ['ON_PERMISSIVE', 'OFF_PERMISSIVE', 'OFF']) await mysql.sql(`SET GLOBAL gtid_mode = ${mode}`)
    await mysql.sql('CREATE TABLE noted (id BIGINT AUTO_INCREMENT PRIMARY KEY); GRANT SELECT, INSERT ON noted TO app')
  }
  await writer.mysql.sql(`CREATE USER replica IDENTIFIED BY '${password}'; GRANT REPLICATION SLAVE ON *.* TO replica`)
  const [file, position] = (await writer.mysql.sql('SHOW BINARY LOG STATUS')).split('\t')
  await reader.mysql.sql(`SET GLOBAL server_id = 2; CHANGE REPLICATION SOURCE TO SOURCE_HOST = '${writer.mysql.address}', SOURCE_USER = 'replica',
    SOURCE_PASSWORD = '${password}', GET_SOURCE_PUBLIC_KEY = 1, SOURCE_AUTO_POSITION = 0,
    SOURCE_LOG_FILE = '${file}', SOURCE_LOG_POS = ${position}; START REPLICA`)
  // How far behind the reader is, is not the subject.
  options = { ...writer.options, reader: reader.options.writer, readerLagLimitMs: 600_000 }
  client = createDatabaseClient(options)
})

afterAll(async () => {
  await client?.close()
  await Promise.all([writer, reader].map((server) => server?.mysql[Symbol.asyncDispose]()))
})

beforeEach(async () => {
  await reader.mysql.sql('START REPLICA')
})

const note = () =>
  client.write((connection) => commit(connection, ['INSERT INTO noted VALUES ()']), {
    deadline: performance.now() + 60_000,
  })
const read = async (...after: Point[]) => {
  const [row] = await client.read(
    (connection) => query(connection, 'SELECT COUNT(*) AS count, @@hostname AS host FROM noted'),
    { after },
  )
  return row as { count: number; host: string }
}
/** The point of a read, and where it was read. */
const look = (...after: Point[]) =>
  client.read(
    async (connection) => {
      const [row] = await query(connection, 'SELECT @@hostname AS host')
      return { seen: await readPoint(connection), host: row?.host as string }
    },
    { after },
  )
/** As after a loss of data: no server has the marks any more. */
const removeMarks = async () => {
  await writer.mysql.sql('DELETE FROM commit_marks')
  await vi.waitFor(async () => expect(await reader.mysql.sql('SELECT COUNT(*) FROM commit_marks')).toBe('0'), 300_000)
}
const stopReplica = () => reader.mysql.sql('STOP REPLICA SQL_THREAD')
const nameOf = ({ mysql }: MigratedServer) => mysql.sql('SELECT @@hostname')

it('runs without GTIDs', async () => {
  await note()
  await vi.waitFor(async () => expect((await read()).count).toBeGreaterThan(0), 300_000)
  for (const { mysql } of [writer, reader]) expect(await mysql.sql('SELECT @@gtid_mode')).toBe('OFF')
})

describe('a read after a write', () => {
  it('is answered by the reader when it has the write', async () => {
    const point = await note()
    await vi.waitFor(async () => expect((await read(point)).host).toBe(await nameOf(reader)), 300_000)
  })

  it('is answered by the writer while the reader lacks the write', async () => {
    await vi.waitFor(async () => expect((await read(await note())).host).toBe(await nameOf(reader)), 300_000)
    await stopReplica()
    const before = await read()
    const point = await note()
    expect(await read()).toEqual(before)
    expect(await read(point)).toEqual({ count: before.count + 1, host: await nameOf(writer) })
  })

  it('includes it each time, while the reader stops and starts', async () => {
    let running = true
    const flicker = (async () => {
      while (running) {
        await stopReplica()
        await reader.mysql.sql('START REPLICA SQL_THREAD')
      }
    })()
    try {
      for (let at = 0; at < 40; at += 1) {
        const before = await read(await note())
        expect((await read(await note())).count).toBeGreaterThan(before.count)
      }
    } finally {
      running = false
      await flicker
    }
  })

  it('includes a transaction', async () => {
    await stopReplica()
    const { count } = await read(await note())
    const point = await client.transaction(async (connection) => {
      await query(connection, 'INSERT INTO noted VALUES ()')
      return markCommit(connection)
    })
    expect((await read(point)).count).toBe(count + 1)
  })

  it('includes everything that was committed before', async () => {
    await stopReplica()
    const { count } = await read(await note())
    const points = []
    for (let at = 0; at < 5; at += 1) points.push(await note())
    expect((await read(points.at(-1) as Point)).count).toBe(count + 5)
  })

  it('fails when no server has the write any more, and does not hang', async () => {
    const point = await note()
    await removeMarks()
    await expect(read(point)).rejects.toBeInstanceOf(DataNotFound)
    expect((await read(await note())).count).toBeGreaterThan(0)
  })

  it('is not satisfied by a later transaction when its own was lost with the connection', async () => {
    const lost = await note()
    await removeMarks()
    await writer.mysql.killConnections('app')
    for (let at = 0; at < 20; at += 1) await vi.waitFor(note, 300_000)
    await expect(read(lost)).rejects.toBeInstanceOf(DataNotFound)
  })

  it('needs no writer when the reader has the write, else it is refused', async () => {
    const known = await note()
    await vi.waitFor(async () => expect((await read(known)).host).toBe(await nameOf(reader)), 300_000)
    await stopReplica()
    const unknown = await note()
    await writer.mysql.freeze()
    try {
      expect((await read(known)).host).toBe(await nameOf(reader))
      await expect(read(unknown)).rejects.toBeInstanceOf(DatabaseUnavailable)
    } finally {
      await writer.mysql.thaw()
    }
  })
})

describe('a read after a read', () => {
  it('is answered by the same reader at once', async () => {
    await vi.waitFor(async () => {
      const { seen, host } = await look(await note())
      expect(host).toBe(await nameOf(reader))
      await stopReplica()
      expect((await look(seen)).host).toBe(host)
    }, 300_000)
  })

  it('of the writer is answered by the writer until the reader has a later beat', async () => {
    await stopReplica()
    const { seen, host } = await look(await note())
    expect(host).toBe(await nameOf(writer))
    expect((await look(seen)).host).toBe(host)
    await writer.mysql.sql('UPDATE heartbeat SET beat = beat + 1')
    expect((await look(seen)).host).toBe(host)
    await reader.mysql.sql('START REPLICA SQL_THREAD')
    await vi.waitFor(async () => expect((await look(seen)).host).toBe(await nameOf(reader)), 300_000)
  })

  it('of a reader is answered by the writer while the reader is unavailable', async () => {
    const { seen } = await look()
    await reader.mysql.freeze()
    try {
      expect((await look(seen)).host).toBe(await nameOf(writer))
    } finally {
      await reader.mysql.thaw()
    }
  })

  it('fails when the data went back', async () => {
    const { seen } = await look()
    await expect(look({ ...seen, beat: seen.beat + 1_000_000 })).rejects.toBeInstanceOf(DataNotFound)
  })
})

it('removes the marks of more than 25 hours, and no others', async () => {
  const point = await note()
  await writer.mysql.sql(`INSERT INTO commit_marks VALUES
    ('old', 1, UTC_TIMESTAMP() - INTERVAL 26 HOUR), ('young', 1, UTC_TIMESTAMP() - INTERVAL 24 HOUR)`)
  expect(await removeExpiredMarks(client)).toBe(1)
  expect(await removeExpiredMarks(client)).toBe(0)
  expect(await writer.mysql.sql("SELECT COUNT(*) FROM commit_marks WHERE id LIKE 'young%'")).toBe('1')
  await read(point)
})

it('undoes all statements when one of them fails', async () => {
  const { count } = await read(await note())
  const failing = client.write((connection: Connection) =>
    commit(connection, ['INSERT INTO noted VALUES ()'], ['INSERT INTO missing VALUES ()']),
  )
  await expect(failing).rejects.toMatchObject({ name: 'DatabaseError' })
  expect((await read(await note())).count).toBe(count + 1)
})
