import { docker, services } from '@repo/compose'
import { answeredInTime, atMost, type Check, durabilityChecks, recoveryChecks } from './drill.ts'
import type { TestEnvironment } from './test-environment.ts'

/** Kills one container of a service under load with SIGKILL and does not start it again. */
export async function killOne(environment: TestEnvironment, service: 'web' | 'app' | 'db-reader'): Promise<Check[]> {
  const others = services.filter((name) => name !== service)
  const before = await environment.identities(others)
  const { attempts, result } = await environment.underLoad(async (load) => {
    const [container = ''] = await environment.topology.containers(service)
    const killedAt = Date.now()
    await docker(['kill', container])
    const recovered = await load.recovered(killedAt)
    return { since: killedAt, recovered, changed: before !== (await environment.identities(others)) }
  })
  return [
    ...recoveryChecks('recovery time', 2, { attempts, ...result }),
    answeredInTime(attempts),
    atMost('other containers restarted', 0, Number(result.changed)),
    ...durabilityChecks(await environment.verifyDurability(attempts)),
  ]
}
