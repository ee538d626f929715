import { setTimeout as delay } from 'node:timers/promises'
import { docker, services } from '@repo/compose'
import {
  answeredInTime,
  atLeast,
  atMost,
  type Drill,
  durabilityChecks,
  failed,
  outages,
  recoveryChecks,
} from '../drill.ts'

/** The app tier loses the network to both databases for six seconds. */
export const partition: Drill = {
  name: 'partition',
  async run(environment) {
    const { topology } = environment
    const network = `${topology.project}_app-db`
    const apps = await topology.containers('app')
    const before = await environment.identities(services)
    const { attempts, result } = await environment.underLoad(async (load) => {
      await Promise.all(apps.map((app) => docker(['network', 'disconnect', network, app])))
      await delay(6000)
      await Promise.all(apps.map((app) => docker(['network', 'connect', '--alias', 'app', network, app])))
      const healedAt = Date.now()
      const recovered = await load.recovered(healedAt)
      return { since: healedAt, recovered, changed: before !== (await environment.identities(services)) }
    })
    return [
      ...recoveryChecks('recovery time after the partition', 3, { attempts, ...result }),
      atLeast('requests refused during the partition', 1, failed(attempts).length, '', outages(attempts)),
      answeredInTime(attempts),
      atMost('containers restarted', 0, Number(result.changed)),
      ...durabilityChecks(await environment.verifyDurability(attempts)),
    ]
  },
}
