import { setTimeout as delay } from 'node:timers/promises'
import { services } from '@repo/compose'
import { containerUsage } from '../container-usage.ts'
import { atLeast, atMost, countByDetail, type Drill, durabilityChecks, slowest, timeBound, within } from '../drill.ts'
import { type Flood, runFlood } from '../flood.ts'
import type { Attempt } from '../load.ts'
import type { TestEnvironment } from '../test-environment.ts'

const seconds = 15

/** How long the writer delays each commit, in microseconds, as a slow disk would. */
const commitDelay = 50_000

/**
 * Ten times the writes that the service can carry, sent on schedule whatever their outcome.
 *
 * A compromise: the database is slowed down, so that the capacity is low. With a fast one, two processors could not
 * generate, carry and refuse ten times the capacity. A flood that its generator could not keep up with does not count.
 */
export const overload: Drill = {
  name: 'overload',
  async run(environment) {
    const { topology, workload } = environment
    const delayCommits = (delay: number) =>
      topology.sql('db-writer', `SET GLOBAL binlog_group_commit_sync_delay = ${delay}`)
    const app = { environment: workload.smallBatches ?? {} }
    await environment.override(JSON.stringify({ services: { app } }), 'app')
    await delayCommits(commitDelay)
    const before = await environment.identities(services)

    // As many connections as in the benchmark. The first flood is for the compiler in the instances.
    await flood(environment, 100_000, 128)
    const peak = goodput((await flood(environment, 100_000, 128)).attempts)

    const [{ attempts, cpuCores }, memoryMiB] = await Promise.all([
      flood(environment, 10 * peak, 1000),
      memoryNearEnd(environment),
    ])
    await delayCommits(0)
    const durability = await environment.verifyDurability(attempts)
    const changed = before !== (await environment.identities(services))
    await environment.override('', 'app')

    const offered = attempts.length / seconds
    const late = attempts.map(({ plannedAt, sentAt }) => sentAt - plannedAt).toSorted((a, b) => a - b)
    const having = (outcome: Attempt['outcome']) => attempts.filter((attempt) => attempt.outcome === outcome)
    const refused = having('refused')
    const unanswered = having('unanswered')
    return [
      timeBound(
        atLeast(
          'offered load as a multiple of the peak',
          9.9,
          offered / peak,
          '',
          ` (${Math.round(offered)} writes/s)`,
        ),
      ),
      within('sending delay, 99th percentile', 0.25, (late[Math.floor(late.length * 0.99)] ?? 0) / 1000),
      timeBound(
        atLeast('goodput', 80, (100 * goodput(attempts)) / peak, '%', ` (of a peak of ${Math.round(peak)} writes/s)`),
      ),
      within('slowest refusal', 3, slowest(refused), described(refused)),
      atMost('unanswered requests', 0, unanswered.length, '', described(unanswered)),
      atMost('peak memory of an app or web container', 256, memoryMiB, 'MiB'),
      timeBound(atMost('CPU cores used by the load generator', 1, cpuCores)),
      atMost('containers restarted', 0, Number(changed)),
      ...durabilityChecks(durability),
    ]
  },
}

const flood = ({ topology, workload }: TestEnvironment, rate: number, inFlight: number): Promise<Flood> =>
  runFlood(topology, workload, { kind: 'write', rate, inFlight, seconds })

async function memoryNearEnd({ topology }: TestEnvironment): Promise<number> {
  await delay(seconds * 800)
  return Math.max(...(await containerUsage(topology, 'app', 'web')).map(({ memoryMiB }) => memoryMiB))
}

/** Acknowledged writes per second. */
const goodput = (attempts: readonly Attempt[]): number =>
  attempts.filter(({ outcome }) => outcome === 'succeeded').length / seconds

const described = (attempts: readonly Attempt[]) => ` (${countByDetail(attempts) || 'none'})`
