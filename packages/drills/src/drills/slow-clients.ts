import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { waitFor } from '@repo/compose'
import { containerUsage } from '../container-usage.ts'
import { atLeast, atMost, type Drill, durabilityChecks, noFailures } from '../drill.ts'
import type { Workload } from '../workload.ts'

const million = ({ table, numberedRow: { columns, values } }: Workload) => `
  SET SESSION cte_max_recursion_depth = 1000000;
  INSERT INTO ${table} (${columns})
    WITH RECURSIVE numbers AS (SELECT 0 n UNION ALL SELECT n + 1 FROM numbers WHERE n < 999999)
    SELECT ${values} FROM numbers`

const running = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'app' AND COMMAND = 'Query'"

/** A hundred clients request a million rows and read none; two hundred never finish their headers. */
export const slowClients: Drill = {
  name: 'slow-clients',
  async run(environment) {
    const { topology, workload } = environment
    const { table, listPath } = workload
    await topology.sql('db-writer', million(workload))
    await waitFor('the reader has the rows', async () => {
      return (await topology.sql('db-reader', `SELECT COUNT(*) >= 1000000 FROM ${table}`)) === '1'
    })
    // So that the growth measured is not that of a process that has just started.
    for (let i = 0; i < 6; i += 1) await (await fetch(topology.url + listPath)).arrayBuffer()
    const before = await containerUsage(topology, 'app')
    const stalled = await Promise.all(Array.from({ length: 100 }, () => stall(topology.url, listPath)))
    const dripping = Array.from({ length: 200 }, () => drip(topology.url, listPath))
    try {
      const statements = async () =>
        Number(await topology.sql('db-reader', running)) + Number(await topology.sql('db-writer', running))
      // The sockets of five containers take some megabytes for each client before the app has to wait. If that does
      // not happen, the check below fails.
      const idle = async () => (await statements()) === 0
      await waitFor('no statement is running', idle, { timeoutMs: 120_000, intervalMs: 1000 }).catch(() => {})
      const left = await statements()
      const open = stalled.filter((socket) => !socket.destroyed).length
      const { attempts } = await environment.underLoad(() => delay(5000))
      const after = await containerUsage(topology, 'app')
      const growth = Math.max(...after.map(({ memoryMiB }, index) => memoryMiB - (before[index]?.memoryMiB ?? 0)))
      return [
        atLeast('stalled clients still connected', 90, open),
        atMost('statements still running for them', 0, left),
        atMost('memory growth of an app instance', 64, growth, 'MiB'),
        noFailures("other clients' failed requests", attempts),
        ...durabilityChecks(await environment.verifyDurability(attempts)),
      ]
    } finally {
      for (const socket of [...stalled, ...dripping]) socket.destroy()
      await topology.sql('db-writer', `TRUNCATE ${table}`)
    }
  },
}

/** Requests the complete list and reads only its beginning. */
function stall(url: string, path: string): Promise<Socket> {
  const socket = open(url)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: drills\r\n\r\n`)
  return new Promise((resolve) => {
    socket.once('close', () => resolve(socket))
    socket.once('data', () => resolve(socket.pause()))
  })
}

/** Sends a header, one byte per second, until the connection is closed. */
function drip(url: string, path: string): Socket {
  const socket = open(url)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: drills\r\nX-Slow: `)
  const timer = setInterval(() => socket.write('a'), 1000)
  return socket.once('close', () => clearInterval(timer))
}

function open(url: string): Socket {
  const { hostname, port } = new URL(url)
  return connect(Number(port), hostname).on('error', () => {})
}
