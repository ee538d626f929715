import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import mysql from 'mysql2'
import { expect, it } from 'vitest'
import { createDatabaseClient } from '../../src/client/client.ts'

const names = { catalog: 'def', schema: '', table: '', orgTable: '', name: 'x', orgName: '' }
const column = { ...names, characterSet: 33, columnLength: 1, columnType: 3, flags: 0, decimals: 0 }

/** Stands in for a server without data: each query finds nothing. */
function answering(): Server {
  return createServer((stream) => {
    const connection = mysql.createConnection({ isServer: true, stream } as mysql.ConnectionOptions)
    connection.on('error', () => {})
    // The driver does not number the packets of a server.
    const respond = (write: () => void) => {
      Object.assign(connection, { sequenceId: 1 })
      write()
      Object.assign(connection, { sequenceId: 0 })
    }
    connection.on('query', () => respond(() => connection.writeTextResult([], [column])))
    // So the driver calls SET.
    connection.on('stmt_prepare', () => respond(() => connection.writeOk()))
    connection.serverHandshake({
      protocolVersion: 10,
      serverVersion: '8.4.0',
      connectionId: 1,
      statusFlags: 2,
      characterSet: 33,
      capabilityFlags: 0xfff7ff,
      authCallback(_: unknown, done: (error: null) => void) {
        done(null)
        Object.assign(connection, { sequenceId: 0 })
      },
    })
  })
}

async function listen(server: Server) {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

it('reports a writer that answers to each of many callers while the reader does not answer', async () => {
  const [writer, reader] = [answering(), createServer()]
  const client = createDatabaseClient({
    writer: await listen(writer),
    reader: await listen(reader),
    user: 'app',
    password: async () => 'password',
    database: 'test',
    writerConnections: 1,
    readerConnections: 1,
    fallbackConnections: 1,
    connectionQueueLimit: 10,
    connectTimeoutMs: 900,
    maxLifetimeMs: 60_000,
    readerLagLimitMs: 5000,
    deadlineMs: 1000,
  })
  try {
    const statuses = await Promise.all([client.status(), client.status(), client.status()])
    for (const status of statuses) expect(status).toMatchObject({ writer: true, reader: false })
  } finally {
    await client.close()
    for (const server of [writer, reader]) server.close()
  }
})
