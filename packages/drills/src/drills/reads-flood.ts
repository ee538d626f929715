import { setTimeout as delay } from 'node:timers/promises'
import { docker } from '@repo/compose'
import {
  atLeast,
  atMost,
  type Check,
  countByDetail,
  type Drill,
  durabilityChecks,
  failed,
  noFailures,
  slowest,
  timeBound,
  within,
} from '../drill.ts'
import { runFlood } from '../flood.ts'
import type { Attempt } from '../load.ts'
import { withMillionRows } from '../rows.ts'
import type { TestEnvironment } from '../test-environment.ts'

const seconds = 20
const readsPerSecond = 125

/** Many reads per second that summarize a million rows, no two of them alike: with the reader, then without it. */
export const readsFlood: Drill = {
  name: 'reads-flood',
  run: (environment) => withMillionRows(environment, () => runWithRows(environment)),
}

async function runWithRows(environment: TestEnvironment): Promise<Check[]> {
  const quiet = await writesDuring(environment, async () => {
    const from = Date.now()
    await delay(seconds * 1000)
    return [{ sentAt: from }, { sentAt: Date.now() }]
  })
  const healthy = await writesDuring(environment, () => flood(environment, 0))

  const [reader = ''] = await environment.topology.containers('db-reader')
  await docker(['kill', reader])
  // The writer waits once for the reader that it has lost.
  const between = await environment.underLoad((load) => load.recovered(Date.now()))
  const stopped = await writesDuring(environment, () => flood(environment, 1_000_000))

  const attempts = [quiet, healthy, between, stopped].flatMap((phase) => phase.attempts)
  return [
    ...checksOf('with the reader', healthy, quiet.writes),
    ...checksOf('without the reader', stopped, quiet.writes),
    ...durabilityChecks(await environment.verifyDurability(attempts)),
  ]
}

interface Phase<Sent> {
  readonly attempts: readonly Attempt[]
  /** Those sent from the first of `sent` to the last: starting the container that sends a flood is not a part of it. */
  readonly writes: readonly Attempt[]
  readonly sent: readonly Sent[]
}

async function writesDuring<Sent extends Pick<Attempt, 'sentAt'>>(
  environment: TestEnvironment,
  send: () => Promise<readonly Sent[]>,
): Promise<Phase<Sent>> {
  const { attempts, result: sent } = await environment.underLoad(send)
  const [from = 0, to = 0] = [sent.at(0)?.sentAt, sent.at(-1)?.sentAt]
  const writes = attempts.filter(({ kind, sentAt }) => kind === 'write' && sentAt >= from && sentAt < to)
  return { attempts, writes, sent }
}

/** @param first of the numbers of the reads: each is another one than those before. */
async function flood({ topology, workload }: TestEnvironment, first: number): Promise<readonly Attempt[]> {
  const options = { kind: 'read', rate: readsPerSecond, inFlight: 1000, seconds, first } as const
  return (await runFlood(topology, workload, options)).attempts
}

function checksOf(when: string, { writes, sent: reads }: Phase<Attempt>, quiet: readonly Attempt[]) {
  const [usual, flooded] = [quiet, writes].map((each) => percentile99(each)) as [number, number]
  const unanswered = reads.filter(({ outcome }) => outcome === 'unanswered')
  const served = reads.length - failed(reads).length
  return [
    // On a busy machine a write may miss its deadline by itself; that most of them fail is the flood's doing anywhere.
    timeBound(noFailures(`failed writes, ${when}`, writes)),
    atLeast(`writes that succeeded, ${when}`, 90, 100 - (100 * failed(writes).length) / writes.length, '%'),
    timeBound(
      atMost(
        `99th percentile of writes as a multiple of the usual, ${when}`,
        3,
        flooded / usual,
        '',
        ` (${flooded} ms, usually ${usual} ms)`,
      ),
    ),
    timeBound(atLeast(`reads per second, ${when}`, 120, reads.length / seconds)),
    atMost(
      `reads without a response, ${when}`,
      0,
      unanswered.length,
      '',
      ` (${served} served, ${countByDetail(failed(reads)) || 'none refused'})`,
    ),
    within(`slowest response to a read, ${when}`, 3, slowest(reads)),
  ]
}

/** In milliseconds: the median of intervals of two seconds, since a disturbance of the machine is in one of them. */
function percentile99(attempts: readonly Attempt[]): number {
  const intervals = Map.groupBy(attempts, ({ plannedAt }) => Math.floor(plannedAt / 2000))
  const each = [...intervals.values()].map((some) =>
    quantile(
      0.99,
      some.map(({ plannedAt, endedAt }) => endedAt - plannedAt),
    ),
  )
  return Math.round(quantile(0.5, each))
}

const quantile = (part: number, values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(part * values.length)] ?? 0
