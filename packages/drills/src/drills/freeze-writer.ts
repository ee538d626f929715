import { setTimeout as delay } from 'node:timers/promises'
import { freeze, services, thaw } from '@repo/compose'
import { atMost, type Drill } from '../drill.ts'
import { writerOutageChecks } from '../writer-outage.ts'

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
    return [
      ...(await writerOutageChecks(environment, attempts, 'recovery time of writes after the writer resumes', result)),
      atMost('containers restarted', 0, Number(result.changed)),
    ]
  },
}
