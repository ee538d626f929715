import { addContainer, removeContainer } from '@repo/compose'
import { answeredInTime, atLeast, type Drill, durabilityChecks, noFailures } from '../drill.ts'
import type { TestEnvironment } from '../test-environment.ts'

/** App and web containers are replaced one at a time, as a deployment does: a new one starts, then an old one stops. */
export const rolling: Drill = {
  name: 'rolling',
  async run(environment) {
    const { attempts, result: replaced } = await environment.underLoad(
      async () => (await replace(environment, 'app')) + (await replace(environment, 'web')),
    )
    return [
      atLeast('containers replaced', 4, replaced),
      noFailures('failed requests', attempts),
      answeredInTime(attempts),
      ...durabilityChecks(await environment.verifyDurability(attempts)),
    ]
  },
}

async function replace({ topology }: TestEnvironment, service: 'app' | 'web'): Promise<number> {
  const old = await topology.containers(service)
  for (const container of old) {
    await addContainer(topology, service)
    await removeContainer(container)
  }
  const now = await topology.containers(service)
  return old.filter((container) => !now.includes(container)).length
}
