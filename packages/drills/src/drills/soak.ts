import { setTimeout as delay } from 'node:timers/promises'
import { services } from '@repo/compose'
import { type ContainerUsage, containerUsage } from '../container-usage.ts'
import { atMost, type Check, type Drill, durabilityChecks, noFailures } from '../drill.ts'

const minutes = Number(process.env.SOAK_MINUTES ?? 5)

/** No fault: after a while of steady load, neither memory nor file descriptors have grown. SOAK_MINUTES; default 5. */
export const soak: Drill = {
  name: 'soak',
  async run(environment) {
    const before = await environment.identities(services)
    const { attempts, result: samples } = await environment.underLoad(async () => {
      const samples: ContainerUsage[][] = []
      const end = performance.now() + minutes * 60_000
      while (performance.now() < end) {
        samples.push(await containerUsage(environment.topology, 'app', 'web'))
        await delay(Math.min(5000, minutes * 1000))
      }
      return samples
    })
    return [
      noFailures('failed requests', attempts),
      ...growthChecks(samples),
      atMost('containers restarted', 0, Number(before !== (await environment.identities(services)))),
      ...durabilityChecks(await environment.verifyDurability(attempts)),
    ]
  },
}

/** Compares the last quarter of the samples with the second; the first is for warming up. */
function growthChecks(samples: readonly ContainerUsage[][]): Check[] {
  const quarter = Math.max(1, Math.floor(samples.length / 4))
  /** The largest growth of any container. */
  const growth = (field: keyof ContainerUsage) => {
    const means = (from: number) => {
      const rows = samples.slice(from, from + quarter)
      return (
        samples[0]?.map((_, index) => rows.reduce((sum, row) => sum + (row[index]?.[field] ?? 0), 0) / rows.length) ??
        []
      )
    }
    const early = means(quarter)
    return Math.max(...means(samples.length - quarter).map((late, index) => late - (early[index] ?? 0)))
  }
  return [
    atMost('memory growth of an app or web container', 32, growth('memoryMiB'), 'MiB'),
    atMost('file descriptor growth of an app or web container', 16, growth('fileDescriptors')),
  ]
}
