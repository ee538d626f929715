import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import {
  answeredInTime,
  atLeast,
  atMost,
  type Check,
  type Drill,
  durabilityChecks,
  noFailures,
  timeBound,
  within,
} from '../drill.ts'
import { withMillionRows } from '../rows.ts'
import { requestSlowly } from '../slow-sockets.ts'
import type { TestEnvironment } from '../test-environment.ts'

const clients = 600

/** Six hundred clients request a million rows and read them a few bytes at a time. */
export const trickle: Drill = {
  name: 'trickle',
  run: (environment) => withMillionRows(environment, () => runWithRows(environment)),
}

async function runWithRows(environment: TestEnvironment): Promise<Check[]> {
  const { url } = environment.topology
  const lists = startTrickling(url, environment.workload.listPath)
  try {
    await lists.allAnswered
    const { attempts, result } = await environment.underLoad(async (load) => {
      // Six hundred requests at once are an overload, for some seconds.
      await load.recovered(Date.now())
      return pollStatus(url)
    })
    const { since, failed, slowestSeconds } = result
    const reads = attempts.filter(({ kind, sentAt }) => kind === 'read' && sentAt >= since)
    // A resource without complete lists has pages only, long and short ones in the same places.
    const shortReads = environment.workload.unboundedLists ? [timeBound(noFailures('failed short reads', reads))] : []
    return [
      atLeast('lists read slowly', 90, lists.begun()),
      noFailures(
        'failed writes',
        attempts.filter(({ kind }) => kind === 'write'),
      ),
      ...shortReads,
      answeredInTime(attempts),
      atMost('failed requests to /status', 0, failed),
      within('slowest response of /status', 3, slowestSeconds),
      ...durabilityChecks(await environment.verifyDurability(attempts)),
    ]
  } finally {
    lists.stop()
  }
}

/** Each client tries again some seconds after it was refused. */
function startTrickling(url: string, path: string) {
  const sockets = new Set<Socket>()
  let begun = 0
  const stopped = new AbortController()
  const { signal } = stopped

  async function readLists(answered: () => void): Promise<void> {
    while (!signal.aborted) {
      const socket = await requestSlowly(url, path)
      answered()
      if (signal.aborted) socket.destroy()
      if (!socket.destroyed) {
        begun += 1
        sockets.add(socket)
        await once(socket, 'close')
        sockets.delete(socket)
      }
      await delay(5000 * (0.5 + Math.random()), undefined, { signal }).catch(() => {})
    }
  }

  const allAnswered = Promise.all(
    Array.from({ length: clients }, () => new Promise<void>((answered) => void readLists(answered))),
  )
  const reading = setInterval(() => {
    for (const socket of sockets) socket.read(64)
  }, 100)
  return {
    /** Resolves once each client has the beginning of its list, or was refused. */
    allAnswered,
    /** How many lists have begun so far. */
    begun: () => begun,
    stop() {
      stopped.abort()
      clearInterval(reading)
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function pollStatus(url: string): Promise<{ since: number; failed: number; slowestSeconds: number }> {
  const since = Date.now()
  let failed = 0
  let slowestMs = 0
  const end = performance.now() + 15_000
  while (performance.now() < end) {
    const startedAt = performance.now()
    const response = await fetch(`${url}/status`).catch(() => undefined)
    await response?.text()
    if (response?.status !== 200) failed += 1
    slowestMs = Math.max(slowestMs, performance.now() - startedAt)
    await delay(100)
  }
  return { since, failed, slowestSeconds: slowestMs / 1000 }
}
