import { setTimeout as delay } from 'node:timers/promises'
import { type Arena, runInNetwork, services } from '../arena.ts'
import { atLeast, atMost, type Drill, kept, slowest } from '../drill.ts'
import type { Flood } from '../flood-client.ts'
import { gauge } from '../gauge.ts'
import type { Attempt } from '../load.ts'

const seconds = 15

/** How long the writer holds each commit back, in microseconds, as a slow disk would. */
const commitDelay = 50_000
/** And how many times are in one commit at most. */
const batch = 2

/**
 * Ten times the writes that the service can carry, sent at their times whatever becomes of them.
 *
 * A compromise: the database is made slow, and so is the narrowest place. With a quick one, ten times the capacity would
 * be more than two processors can make, carry and refuse. A flood that its maker could not keep up with does not count.
 */
export const overload: Drill = {
  name: 'overload',
  async run(arena) {
    const holdCommits = (delay: number) =>
      arena.stack.sql('db-writer', `SET GLOBAL binlog_group_commit_sync_delay = ${delay}`)
    await arena.override(`services: { app: { environment: { SAVE_BATCH_LIMIT: ${batch} } } }\n`, 'app')
    await holdCommits(commitDelay)
    const before = await arena.identities(services)

    // As many at a time as the benchmark has, and no more; the first time is for the compiler in the instances.
    await flood(arena, 100_000, 128)
    const peak = goodput((await flood(arena, 100_000, 128)).attempts)

    const [{ attempts, processors }, mib] = await Promise.all([flood(arena, 10 * peak, 1000), memoryNearEnd(arena)])
    await holdCommits(0)
    const verdict = await arena.verdict(attempts)
    const touched = before !== (await arena.identities(services))
    await arena.override('', 'app')

    const offered = attempts.length / seconds
    const late = attempts.map(({ plannedAt, sentAt }) => sentAt - plannedAt).toSorted((a, b) => a - b)
    const count = (outcome: Attempt['outcome']) => attempts.filter((attempt) => attempt.outcome === outcome)
    const refused = count('refused')
    return [
      atLeast('writes offered, by the peak', 9.9, offered / peak, '', ` (${Math.round(offered)} a second)`),
      atMost('99 % of them sent late by', 0.25, (late[Math.floor(late.length * 0.99)] ?? 0) / 1000, 's'),
      atLeast('goodput', 80, (100 * goodput(attempts)) / peak, '%', ` of a peak of ${Math.round(peak)} a second`),
      atMost('the slowest refusal took', 3, slowest(refused), 's', ` (${described(refused)})`),
      atMost('requests without an answer', 0, count('open').length, '', ` (${described(count('open'))})`),
      atMost('memory of an app or web container', 256, mib, 'MiB'),
      atMost('processors that making the load took', 1, processors),
      atMost('containers restarted', 0, Number(touched)),
      ...kept(verdict),
    ]
  },
}

async function flood(arena: Arena, rate: number, inFlight: number): Promise<Flood> {
  const args = ['alb:80', rate, inFlight, seconds * 1000].map(String)
  return JSON.parse(await runInNetwork(arena, 'alb-web', 'flood-client.ts', ...args))
}

async function memoryNearEnd(arena: Arena): Promise<number> {
  await delay(seconds * 800)
  return Math.max(...[...(await gauge(arena, 'app')), ...(await gauge(arena, 'web'))].map(({ mib }) => mib))
}

/** Acknowledged requests a second. */
function goodput(attempts: readonly Attempt[]): number {
  return attempts.filter(({ outcome }) => outcome === 'acked').length / seconds
}

function described(attempts: readonly Attempt[]): string {
  const kinds = Map.groupBy(attempts, ({ detail }) => detail)
  return [...kinds].map(([detail, { length }]) => `${length.toLocaleString('en')} × ${detail}`).join(', ') || 'none'
}
