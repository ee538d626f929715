import { addContainer, removeContainer } from '@repo/compose'
import { answeredInTime, atLeast, type Drill, durabilityChecks, noFailures } from '../drill.ts'
import type { TestEnvironment } from '../test-environment.ts'

/**
 * App and web containers are replaced one at a time, as a deployment does: a new one starts, then an old one stops.
 *
 * @param count how many of each tier.
 */
export const rollingWith = (count: number): Drill => ({
  name: 'rolling',
  async run(environment) {
    const { attempts, result: replaced } = await environment.underLoad(
      async () => (await replace(environment, 'app', count)) + (await replace(environment, 'web', count)),
    )
    return [
      atLeast('containers replaced', 2 * count, replaced),
      noFailures('failed requests', attempts),
      answeredInTime(attempts),
      ...durabilityChecks(await environment.verifyDurability(attempts)),
    ]
  },
})

/** All of them. */
export const rolling: Drill = rollingWith(2)

async function replace({ topology }: TestEnvironment, service: 'app' | 'web', count: number): Promise<number> {
  const old = (await topology.containers(service)).slice(0, count)
  for (const container of old) {
    await addContainer(topology, service)
    await removeContainer(container)
  }
  const now = await topology.containers(service)
  return old.filter((container) => !now.includes(container)).length
}
