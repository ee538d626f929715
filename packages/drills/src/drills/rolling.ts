import { docker, waitFor } from '@repo/compose'
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
    const before = await topology.containers(service)
    await topology.compose('up', '--detach', '--no-deps', '--no-recreate', '--scale', `${service}=3`, service)
    const [added = ''] = (await topology.containers(service)).filter((id) => !before.includes(id))
    await waitFor(
      `the new ${service} is healthy`,
      async () => (await docker(['inspect', '--format', '{{.State.Health.Status}}', added])) === 'healthy',
    )
    // With the signal that the image names; killed after stop_grace_period, as by Compose.
    await docker(['stop', '--time', '30', container])
    await docker(['rm', container])
  }
  const now = await topology.containers(service)
  return old.filter((container) => !now.includes(container)).length
}
