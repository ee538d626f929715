import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { waitFor } from '@repo/compose'
import { containerUsage } from '../container-usage.ts'
import { atLeast, atMost, type Check, type Drill, durabilityChecks, noFailures } from '../drill.ts'
import { withMillionRows } from '../rows.ts'
import { openSocket, requestSlowly } from '../slow-sockets.ts'
import type { TestEnvironment } from '../test-environment.ts'

const running = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'app' AND COMMAND = 'Query'"

/** A hundred clients request a million rows and read none; two hundred never finish their headers. */
export const slowClients: Drill = {
  name: 'slow-clients',
  run: (environment) => withMillionRows(environment, () => runWithRows(environment)),
}

async function runWithRows(environment: TestEnvironment): Promise<Check[]> {
  const { topology, workload } = environment
  const { listPath } = workload
  // So that the growth measured is not that of a process that has just started.
  for (let i = 0; i < 6; i += 1) await (await fetch(topology.url + listPath)).arrayBuffer()
  const before = await containerUsage(topology, 'app')
  const stalled = await Promise.all(Array.from({ length: 100 }, () => requestSlowly(topology.url, listPath)))
  const dripping = Array.from({ length: 200 }, () => drip(topology.url, listPath))
  try {
    const statements = async () =>
      Number(await topology.sql('db-reader', running)) + Number(await topology.sql('db-writer', running))
    // The sockets of five containers take some megabytes for each client before the app has to wait. If that does
    // not happen, the check below fails.
    // Between two pages of a list none is running either.
    let [left, idleLooks] = [0, 0]
    const idle = async () => {
      left = await statements()
      idleLooks = left === 0 ? idleLooks + 1 : 0
      return idleLooks === 5
    }
    await waitFor('no statement is running', idle, { timeoutMs: 120_000, intervalMs: 1000 }).catch(() => {})
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
  }
}

/** Sends a header, one byte per second, until the connection is closed. */
function drip(url: string, path: string): Socket {
  const socket = openSocket(url)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: drills\r\nX-Slow: `)
  const timer = setInterval(() => socket.write('a'), 1000)
  return socket.once('close', () => clearInterval(timer))
}
