import { setTimeout as delay } from 'node:timers/promises'
import { services } from '../arena.ts'
import { atMost, type Check, type Drill, failed, kept, outages } from '../drill.ts'
import { gauge, type Sample } from '../gauge.ts'

const minutes = Number(process.env.SOAK_MINUTES ?? 5)

/** Nothing happens for a while, and nothing grows. `SOAK_MINUTES` says for how long; default 5. */
export const soak: Drill = {
  name: 'soak',
  async run(arena) {
    const before = await arena.identities(services)
    const { attempts, result: samples } = await arena.underLoad(async () => {
      const samples: Sample[][] = []
      const end = performance.now() + minutes * 60_000
      while (performance.now() < end) {
        samples.push([...(await gauge(arena, 'app')), ...(await gauge(arena, 'web'))])
        await delay(Math.min(5000, minutes * 1000))
      }
      return samples
    })
    return [
      atMost('failed requests', 0, failed(attempts).length, '', outages(attempts)),
      ...flat(samples),
      atMost('containers restarted', 0, Number(before !== (await arena.identities(services)))),
      ...kept(await arena.verdict(attempts)),
    ]
  },
}

/** The last quarter against the second: the first is for warming up. */
function flat(samples: readonly Sample[][]): Check[] {
  const quarter = Math.max(1, Math.floor(samples.length / 4))
  const growth = (of: (sample: Sample) => number) => {
    const mean = (from: number) => {
      const rows = samples.slice(from, from + quarter)
      return samples[0]?.map((_, at) => rows.reduce((sum, row) => sum + of(row[at] as Sample), 0) / rows.length) ?? []
    }
    const early = mean(quarter)
    return Math.max(...mean(samples.length - quarter).map((late, at) => late - (early[at] ?? 0)))
  }
  return [
    atMost(
      'growth of memory in any app or web container',
      32,
      growth(({ mib }) => mib),
      'MiB',
    ),
    atMost(
      'growth of open handles in any of them',
      16,
      growth(({ handles }) => handles),
    ),
  ]
}
