import { docker, services } from '@repo/compose'
import { answeredInTime, atMost, type Drill, durabilityChecks, recoveryChecks } from '../drill.ts'

/**
 * The writer is lost for good; the reader is promoted and gets both endpoint names. The reader is cut off first, so that
 * it receives nothing of the writer's last transactions: only a write that waited for the reader's receipt is safe.
 */
export const failover: Drill = {
  name: 'failover',
  async run(environment) {
    const { topology } = environment
    const network = `${topology.project}_app-db`
    const others = services.filter((name) => name !== 'db-writer')
    const before = await environment.identities(others)
    // The writer must not continue without the reader before it is killed, however long Docker takes for that: this
    // drill is about losing both at once.
    await topology.sql('db-writer', 'SET GLOBAL rpl_semi_sync_source_timeout = 600000')
    const { attempts, result } = await environment.underLoad(async (load) => {
      const [writer = ''] = await topology.containers('db-writer')
      const [reader = ''] = await topology.containers('db-reader')
      await docker(['network', 'disconnect', network, reader])
      await docker(['kill', writer])
      await topology.exec('db-reader', ['promote.sh'])
      await docker(['network', 'connect', '--alias', 'db-writer', '--alias', 'db-reader', network, reader])
      const movedAt = Date.now()
      const recovered = await load.recovered(movedAt)
      return { since: movedAt, recovered, changed: before !== (await environment.identities(others)) }
    })
    const durability = await environment.verifyDurability(attempts, 'db-reader')
    await environment.recreateDatabases()
    return [
      ...recoveryChecks('recovery time after the endpoints moved', 10, { attempts, ...result }),
      answeredInTime(attempts),
      atMost('other containers restarted', 0, Number(result.changed)),
      ...durabilityChecks(durability),
    ]
  },
}
