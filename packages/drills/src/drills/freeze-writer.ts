import { setTimeout as delay } from 'node:timers/promises'
import { freeze, services, thaw } from '@repo/compose'
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

/** The writer hangs for eight seconds: its connections stay open, and it answers nothing. */
export const freezeWriter: Drill = {
  name: 'freeze-writer',
  async run(environment) {
    const before = await environment.identities(services)
    const { attempts, result } = await environment.underLoad(async (load) => {
      const [writer = ''] = await environment.topology.containers('db-writer')
      await freeze(writer)
      await delay(8000)
      const thawedAt = Date.now()
      await thaw(writer)
      const recovered = await load.recovered(thawedAt)
      return { since: thawedAt, recovered, changed: before !== (await environment.identities(services)) }
    })
    const writes = attempts.filter(({ kind }) => kind === 'write')
    const reads = attempts.filter(({ kind }) => kind === 'read')
    return [
      ...recoveryChecks('recovery time of writes after the writer resumes', 3, { ...result, attempts: writes }),
      atLeast('writes refused during the fault', 1, failed(writes).length, '', outages(writes)),
      noFailures('failed reads', reads),
      answeredInTime(attempts),
      atMost('containers restarted', 0, Number(result.changed)),
      ...durabilityChecks(await environment.verifyDurability(attempts)),
    ]
  },
}
