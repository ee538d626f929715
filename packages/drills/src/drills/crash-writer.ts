import { setTimeout as delay } from 'node:timers/promises'
import { docker, services } from '@repo/compose'
import {
  answeredInTime,
  atLeast,
  atMost,
  type Drill,
  durabilityChecks,
  failed,
  noFailures,
  outages,
  recoveryChecks,
} from '../drill.ts'

const untilItListens = 'until (exec 3<>/dev/tcp/127.0.0.1/3306) 2>/dev/null; do sleep 0.02; done; date +%s%3N'

/** The writer's process is killed, and starts again after two seconds. */
export const crashWriter: Drill = {
  name: 'crash-writer',
  async run(environment) {
    const { topology } = environment
    const others = services.filter((name) => name !== 'db-writer')
    const before = await environment.identities(others)
    const { attempts, result } = await environment.underLoad(async (load) => {
      const [writer = ''] = await topology.containers('db-writer')
      await docker(['kill', writer])
      await delay(2000)
      await docker(['start', writer])
      const listensAt = Number(await topology.exec('db-writer', ['bash', '-c', untilItListens]))
      const recovered = await load.recovered(listensAt)
      return { since: listensAt, recovered, changed: before !== (await environment.identities(others)) }
    })
    const writes = attempts.filter(({ kind }) => kind === 'write')
    const reads = attempts.filter(({ kind }) => kind === 'read')
    return [
      ...recoveryChecks('recovery time of writes after the writer listens', 3, { ...result, attempts: writes }),
      atLeast('writes refused during the fault', 1, failed(writes).length, '', outages(writes)),
      noFailures('failed reads', reads),
      answeredInTime(attempts),
      atMost('other containers restarted', 0, Number(result.changed)),
      ...durabilityChecks(await environment.verifyDurability(attempts)),
    ]
  },
}
