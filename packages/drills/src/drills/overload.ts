import { setTimeout as delay } from 'node:timers/promises'
import { docker, services } from '../arena.ts'
import { atLeast, atMost, type Drill, kept, slowest } from '../drill.ts'
import { type Attempt, startLoad } from '../load.ts'

const seconds = 10

/**
 * Ten times the load that the service can carry. Its app instances get a small share of a processor, so that ten times
 * their capacity is within reach of one machine that also makes the load.
 */
export const overload: Drill = {
  name: 'overload',
  async run(arena) {
    const { stack } = arena
    // The image's own health check would need most of that share.
    await arena.override('services: { app: { cpus: 0.15, healthcheck: { test: [CMD, "true"] } } }\n', 'app')
    await arena.underLoad(async () => {}, { writesPerSecond: 20, readsPerSecond: 5 })
    const before = await arena.identities(services)

    // As many at a time as keep the instances busy, and no more.
    const closed = startLoad({ url: stack.url, writesPerSecond: 5000, readsPerSecond: 1, inFlightLimit: 32 })
    await delay(seconds * 1000)
    const peak = goodput(await closed.stop())

    const { attempts, result: mib } = await arena.underLoad(
      async () => {
        await delay(seconds * 1000)
        const apps = await stack.containers('app')
        const sizes = await Promise.all(apps.map((app) => docker('exec', app, 'grep', 'VmRSS', '/proc/1/status')))
        return Math.max(...sizes.map((size) => Number(/\d+/.exec(size)?.[0]) / 1024))
      },
      { writesPerSecond: 10 * peak, readsPerSecond: 1, inFlightLimit: 4000 },
    )
    const offered = attempts.length / ((attempts.at(-1)?.plannedAt ?? 0) - (attempts[0]?.plannedAt ?? 0)) / 0.001
    const load = ` of a peak of ${Math.round(peak)} a second, at ${Math.round(offered)} a second`
    const refused = attempts.filter(({ outcome }) => outcome === 'refused')
    const open = attempts.filter(({ outcome }) => outcome === 'open')
    const verdict = await arena.verdict(attempts)
    const touched = before !== (await arena.identities(services))
    await arena.override('', 'app')
    return [
      atLeast('goodput', 80, (100 * goodput(attempts)) / peak, '%', load),
      atMost('the slowest refusal took', 3, slowest(refused), 's', ` (${refused.length} refused)`),
      atMost('requests without an answer', 0, open.length),
      atMost('memory of an app instance', 256, mib, 'MiB'),
      atMost('containers restarted', 0, Number(touched)),
      ...kept(verdict),
    ]
  },
}

/** Acknowledged requests a second. */
function goodput(attempts: readonly Attempt[]): number {
  const acked = attempts.filter(({ outcome }) => outcome === 'acked')
  const ends = acked.map(({ endedAt }) => endedAt)
  const span = ends.reduce((most, end) => Math.max(most, end), 0) - (attempts[0]?.sentAt ?? 0)
  return (1000 * acked.length) / Math.max(1, span)
}
