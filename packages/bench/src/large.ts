import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { repositoryRoot, type Topology } from '@repo/compose'
import type { Load } from '../load/open-loop.ts'
import { appliedWithin } from './replication.ts'
import { rounded } from './statistics.ts'

/** The largest tables, by the names of their figures in the group `stats`. */
export const largeSizes: Readonly<Record<string, number>> = { p99MsAt10M: 10_000_000, p99MsAt100M: 100_000_000 }

const replicationSeconds = 3600

/** Of each range, in an open loop. */
const load = { rate: 50, seconds: 10, connections: 8 }

const periodSeconds = { minute: 60, hour: 3600, day: 86_400 }

/** What `GET /stats` answers at most. */
const periodLimit = 1500

/** `GET /stats` for the longest ranges of each period, at the start, in the middle and at the end of the seeded rows. */
export function statsPaths(rows: number): string[] {
  const paths = Object.entries(periodSeconds).flatMap(([per, seconds]) => {
    // `npm run seed` inserts a row per second.
    const periods = Math.floor(rows / seconds)
    const length = Math.min(periodLimit, periods)
    return [0, Math.floor((periods - length) / 2), periods - length].map(
      (first) => `/stats?per=${per}&from=${instant(first * seconds)}&to=${instant((first + length) * seconds)}`,
    )
  })
  return [...new Set(paths)]
}

const instant = (secondsSince2020: number) =>
  new Date(Date.UTC(2020) + secondsSince2020 * 1000).toISOString().replace('.000', '')

/**
 * Seeds the times up to each size and measures the slowest range there. A size at which a request failed has no figure.
 *
 * @param report called with a line per measurement.
 */
export async function measureStats(
  topology: Topology,
  sizes: Readonly<Record<string, number>>,
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<Record<string, number | undefined>> {
  const figures: Record<string, number | undefined> = {}
  let seeded = 0
  for (const [name, rows] of Object.entries(sizes)) {
    report(`seeding ${rows.toLocaleString('en')} rows`)
    await seed(topology, rows - seeded, signal)
    seeded = rows
    figures[name] = slowestP99(await measurePaths(topology, statsPaths(rows), report))
  }
  return figures
}

async function seed(topology: Topology, count: number, signal: AbortSignal): Promise<void> {
  await promisify(execFile)(process.execPath, ['packages/drills/src/seed.ts', 'times', String(count)], {
    cwd: repositoryRoot,
    env: { ...process.env, ...topology.env, COMPOSE_PROJECT_NAME: topology.project },
    signal,
  })
  const executed = await topology.sql('db-writer', 'SELECT @@GLOBAL.gtid_executed')
  const timedOut = await topology.sql('db-reader', appliedWithin(executed, replicationSeconds))
  if (timedOut !== '0') throw new Error(`the reader has not caught up within ${replicationSeconds} s`)
}

async function measurePaths(
  topology: Topology,
  paths: readonly string[],
  report: (line: string) => void,
): Promise<Load[]> {
  const loads: Load[] = []
  for (const path of paths) {
    const args = [`http://alb${path}`, load.rate, load.seconds, load.connections].map(String)
    const measured = JSON.parse(await topology.exec('load', ['node', '/bench/open-loop.ts', ...args]))
    report(`${path}: p99 ${rounded(measured.p99Ms)} ms, ${measured.refused + measured.unanswered} errors`)
    loads.push(measured)
  }
  return loads
}

/** Of the slowest range; undefined if a request failed. */
export function slowestP99(loads: readonly Pick<Load, 'p99Ms' | 'refused' | 'unanswered'>[]) {
  const complete = loads.every(({ refused, unanswered }) => refused + unanswered === 0)
  return complete ? rounded(Math.max(...loads.map(({ p99Ms }) => p99Ms))) : undefined
}
