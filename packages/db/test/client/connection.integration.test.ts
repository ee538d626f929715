import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Connection, connect, query } from '../../src/client/connection.ts'
import { DatabaseError } from '../../src/client/errors.ts'
import { readRawRows } from '../../src/client/raw-rows.ts'
import { bytesOf } from '../bytes-of.ts'
import { type MigratedServer, startMigrated } from '../server.ts'

let server: MigratedServer
let connection: Connection

beforeAll(async () => {
  server = await startMigrated()
  connection = await connectAs('app')
  await server.mysql.sql(`CREATE TABLE letter (id INT PRIMARY KEY, body VARCHAR(300));
    INSERT INTO letter VALUES (1, 'short'), (2, NULL), (3, REPEAT('x', 260)), (4, '');
    GRANT SELECT, INSERT ON letter TO app`)
})

afterAll(async () => {
  connection?.destroy()
  await server?.mysql[Symbol.asyncDispose]()
})

async function connectAs(user: 'app' | 'migrator', password?: string): Promise<Connection> {
  const { mysql, options } = server
  const endpoint = { ...options.writer, user, password: password ?? (await mysql.password(user)) }
  return connect(endpoint, 5000, { database: options.database })
}

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.unreachable('it has not failed'),
    (error: unknown) => error,
  )

describe('connect', () => {
  it('fails without the password when it is wrong', async () => {
    const failure = await failureOf(connectAs('app', 'hunter2'))
    expect(failure).toBeInstanceOf(DatabaseError)
    expect(failure).toMatchObject({ code: 'ER_ACCESS_DENIED_ERROR', errno: 1045, sqlState: '28000' })
    expect(bytesOf(failure)).not.toContain('hunter2')
  })

  it('fails with the code of the network when nothing listens', async () => {
    const nowhere = connect({ host: '127.0.0.2', port: 1, user: 'app', password: 'hunter2' }, 5000)
    const failure = await failureOf(nowhere)
    expect(failure).toMatchObject({ name: 'DatabaseError', code: 'ECONNREFUSED' })
    expect(bytesOf(failure)).not.toContain('hunter2')
  })

  it('verifies the certificate for another name than the address, as behind a port forwarding', async () => {
    const { mysql, options } = server
    await using folder = await mkdtempDisposable(join(tmpdir(), 'tls-'))
    const tlsCa = join(folder.path, 'ca.pem')
    await writeFile(tlsCa, await mysql.certificateAuthority())
    const endpoint = { ...options.writer, user: 'app', password: await mysql.password('app'), tlsCa }
    const version = (await mysql.sql('SELECT VERSION()')).replace(/-.*/, '')
    const tlsServerName = `MySQL_Server_${version}_Auto_Generated_Server_Certificate`

    const forwarded = await connect({ ...endpoint, tlsServerName }, 5000)
    const [status] = await query(forwarded, "SHOW STATUS LIKE 'Ssl_cipher'")
    forwarded.destroy()
    expect(status?.Value).not.toBe('')
    for (const other of [undefined, 'db.example.org']) {
      const failure = await failureOf(connect({ ...endpoint, tlsServerName: other }, 5000))
      expect(failure).toMatchObject({ name: 'DatabaseError', message: expect.stringContaining('does not match') })
    }
  })
})

describe('an error of a statement', () => {
  it('holds no password of a refused ALTER USER', async () => {
    const failure = await failureOf(query(connection, 'ALTER USER ? IDENTIFIED BY ?', ['migrator', 'hunter2']))
    expect(failure).toMatchObject({ code: 'ER_SPECIFIC_ACCESS_DENIED_ERROR', errno: 1227, sqlState: '42000' })
    expect(bytesOf(failure)).not.toMatch(/hunter2|ALTER|IDENTIFIED/)
  })

  it('holds no value of a batch of 1,000 rows that failed, and is short', async () => {
    const rows = Array.from({ length: 1000 }, (_, at) => [at + 10, `confidential ${at}`])
    const twice = [...rows.slice(0, -1), [10, 'confidential again']]
    const failure = await failureOf(query(connection, 'INSERT INTO letter (id, body) VALUES ?', [twice]))
    expect(failure).toMatchObject({ code: 'ER_DUP_ENTRY', errno: 1062, sqlState: '23000' })
    expect(bytesOf(failure)).not.toMatch(/confidential|INSERT|letter/)
    expect(bytesOf(failure).length).toBeLessThan(5000)
  })

  it.each([
    ['that the server cannot parse', 'SELEKT "hunter2" FROM letter'],
    ['with an unknown column', 'SELECT hunter2 FROM letter'],
    ['with a value that does not fit', "INSERT INTO letter VALUES ('hunter2', 1)"],
    ['on a table without rights', "UPDATE letter SET body = 'hunter2'"],
  ])('holds no text of a statement %s', async (_what, sql) => {
    const failure = await failureOf(query(connection, sql))
    expect(failure).toBeInstanceOf(DatabaseError)
    expect(bytesOf(failure)).not.toMatch(/hunter2|letter|body/)
  })

  it('holds none when the connection is lost in the middle of the statement', async () => {
    const lost = await connectAs('app')
    const failing = failureOf(query(lost, "SELECT SLEEP(600), 'hunter2'"))
    await server.mysql.killConnections('app')
    const failure = await failing
    expect(failure).toMatchObject({ name: 'DatabaseError' })
    expect(bytesOf(failure)).not.toMatch(/hunter2|SLEEP/)
    connection = await connectAs('app')
  })

  it('holds none when rows are read raw', async () => {
    const failure = await failureOf(readRawRows(connection, "SELECT 'hunter2' FROM nowhere", [], () => {}))
    expect(failure).toMatchObject({ code: 'ER_TABLEACCESS_DENIED_ERROR' })
    expect(bytesOf(failure)).not.toMatch(/hunter2|SELECT/)
  })
})

describe('readRawRows', () => {
  const read = async (sql: string, values: unknown[] = []) => {
    const rows: Buffer[] = []
    await readRawRows(connection, sql, values, (bytes, offset) =>
      rows.push(Buffer.from(bytes.subarray(offset, offset + 9))),
    )
    return rows
  }

  it('gives each row as text behind its length', async () => {
    const [short, nothing, , empty] = await read('SELECT id, body FROM letter ORDER BY id')
    expect(short?.toString('latin1', 0, 8)).toBe('\x011\x05short')
    expect(nothing?.subarray(0, 3)).toEqual(Buffer.from([1, 0x32, 251]))
    expect(empty?.subarray(0, 3)).toEqual(Buffer.from([1, 0x34, 0]))
  })

  it('gives a longer length behind 252', async () => {
    const [long] = await read('SELECT body FROM letter WHERE id = ?', [3])
    expect(long?.subarray(0, 3)).toEqual(Buffer.from([252, 260 % 256, 1]))
  })

  it('gives nothing for no rows, and the connection goes on', async () => {
    expect(await read('SELECT id FROM letter WHERE FALSE')).toEqual([])
    expect(await query(connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  it('gives more rows than one packet of the network holds', async () => {
    const rows = await read(
      'WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 999) SELECT a.i FROM n AS a, n AS b LIMIT 100000',
    )
    expect(rows).toHaveLength(100_000)
  })
})
