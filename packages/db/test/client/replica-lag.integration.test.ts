import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  createDatabaseClient,
  type DatabaseClient,
  type DatabaseClientOptions,
  DatabaseUnavailable,
  query,
} from '../../src/index.ts'
import { type MigratedServer, startMigrated } from '../server.ts'

let writer: MigratedServer
/** It replicates nothing: what it has is what the test puts there. */
let reader: MigratedServer
/** The password of the application is another one at each server. */
let options: DatabaseClientOptions

const intervalMs = 100

beforeAll(async () => {
  ;[writer, reader] = await Promise.all([startMigrated(), startMigrated()])
  const password = await writer.options.password()
  await reader.mysql.sql(`ALTER USER app IDENTIFIED BY '${password}'`)
  options = { ...writer.options, reader: reader.options.writer, readerLagLimitMs: 5 * intervalMs }
})

afterAll(async () => {
  await Promise.all([writer, reader].map((server) => server?.mysql[Symbol.asyncDispose]()))
})

async function withClients(count: number, work: (...clients: DatabaseClient[]) => Promise<void>): Promise<void> {
  const clients = Array.from({ length: count }, () => createDatabaseClient(options))
  try {
    await work(...clients)
  } finally {
    await Promise.all(clients.map((client) => client.close()))
  }
}

const beats = async () => Number(await writer.mysql.sql('SELECT beat FROM heartbeat'))
const replicate = async () => reader.mysql.sql(`UPDATE heartbeat SET beat = ${await beats()}`)
const hostOf = async (client: DatabaseClient) => {
  const [row] = await client.read((connection) => query(connection, 'SELECT @@hostname AS name'))
  return row?.name
}

/** The host that the server's own rows name. */
const nameOf = ({ mysql }: MigratedServer) => mysql.sql('SELECT @@hostname')

describe('the replica lag', () => {
  it('moves the reads to the writer while the reader is behind, though nobody writes a row, and back', () =>
    withClients(1, async (client) => {
      if (client === undefined) return
      const [writerName, readerName] = await Promise.all([nameOf(writer), nameOf(reader)])
      const returned = async () => {
        await replicate()
        expect(await hostOf(client)).toBe(readerName)
      }
      await vi.waitFor(returned, 300_000)
      await vi.waitFor(async () => expect(await hostOf(client)).toBe(writerName), 300_000)
      expect(client.state().readerLagMs).toBeGreaterThan(options.readerLagLimitMs)
      expect(await client.status()).toMatchObject({ writer: true, reader: true, readsFrom: 'writer' })
      await vi.waitFor(returned, 300_000)
    }))

  it('is not forgotten while the writer is unavailable: its rows are refused rather than old', () =>
    withClients(1, async (client) => {
      if (client === undefined) return
      const writerName = await nameOf(writer)
      await vi.waitFor(async () => expect(await hostOf(client)).toBe(writerName), 300_000)
      await writer.mysql.sql('ALTER USER app ACCOUNT LOCK; SELECT 1')
      try {
        await writer.mysql
          .sql(`SELECT CONCAT('KILL ', ID) FROM information_schema.PROCESSLIST WHERE USER = 'app'`)
          .then((kills) => writer.mysql.sql(kills.split('\n').join(';')))
        const endsAt = performance.now() + 10 * intervalMs
        while (performance.now() < endsAt) await expect(hostOf(client)).rejects.toBeInstanceOf(DatabaseUnavailable)
      } finally {
        await writer.mysql.sql('ALTER USER app ACCOUNT UNLOCK')
      }
      await vi.waitFor(async () => expect(await hostOf(client)).toBe(writerName), 300_000)
    }))

  it('is known before the first read of a client', async () => {
    const writerName = await nameOf(writer)
    await reader.mysql.sql(`UPDATE heartbeat
      SET beat = ${await beats()} - 1, beaten_at = UTC_TIMESTAMP(3) - INTERVAL 1 HOUR`)
    const slow = { ...options, readerLagLimitMs: 60_000 }
    for (let at = 0; at < 3; at += 1) {
      const client = createDatabaseClient(slow)
      expect(await hostOf(client)).toBe(writerName)
      await client.close()
    }
  })

  it('is known without a read, when rows are written', () =>
    withClients(1, async (client) => {
      if (client === undefined) return
      await vi.waitFor(async () => {
        await client.write((connection) => query(connection, "DELETE FROM idempotency_keys WHERE id = ''"))
        expect(client.state().readerLagMs).toBeGreaterThan(options.readerLagLimitMs)
      }, 300_000)
    }))

  it('costs several clients one beat an interval between them', () =>
    withClients(4, async (...clients) => {
      await Promise.all(clients.map(hostOf))
      const [before, startedAt] = [await beats(), performance.now()]
      while (performance.now() < startedAt + 20 * intervalMs) {
        await Promise.all(clients.map(hostOf))
        await delay(intervalMs / 10)
      }
      const intervals = (performance.now() - startedAt) / intervalMs
      const made = (await beats()) - before
      expect(made).toBeGreaterThan(0)
      // A beat is no younger than nine tenths of an interval when the next is made.
      expect(made).toBeLessThanOrEqual(intervals / 0.9 + 1)
    }))

  it('goes on when the clock of the writer was set back', () =>
    withClients(1, async (client) => {
      if (client === undefined) return
      await writer.mysql.sql('UPDATE heartbeat SET beaten_at = UTC_TIMESTAMP(3) + INTERVAL 1 HOUR')
      const before = await beats()
      await vi.waitFor(async () => {
        await hostOf(client)
        expect(await beats()).toBeGreaterThan(before + 1)
      }, 300_000)
      expect(await writer.mysql.sql('SELECT beaten_at <= UTC_TIMESTAMP(3) FROM heartbeat')).toBe('1')
    }))

  it('costs nothing at rest', () =>
    withClients(2, async (...clients) => {
      await Promise.all(clients.map(hostOf))
      const statements = () =>
        writer.mysql.sql(`SELECT SUM(COUNT_STAR)
          FROM performance_schema.events_statements_summary_by_user_by_event_name WHERE USER = 'app'`)
      await vi.waitFor(async () => {
        const before = await statements()
        await delay(5 * intervalMs)
        expect(await statements()).toBe(before)
      }, 300_000)
    }))

  it('counts as none on the schema of the release before', () =>
    withClients(1, async (client) => {
      if (client === undefined) return
      await writer.mysql.sql('RENAME TABLE heartbeat TO hidden')
      try {
        const readerName = await nameOf(reader)
        const startedAt = performance.now()
        while (performance.now() < startedAt + 10 * intervalMs) expect(await hostOf(client)).toBe(readerName)
        expect(client.state().readerLagMs).toBe(0)
      } finally {
        await writer.mysql.sql('RENAME TABLE hidden TO heartbeat')
      }
    }))
})
