import { docker } from '@repo/compose'
import { atLeast, atMost, type Drill, durabilityChecks, failed, outages, yes } from '../drill.ts'
import { openKeyedClients } from '../keyed-clients.ts'
import { listedCheck, operatorCheck } from '../servers.ts'
import type { RunningLoad } from '../test-environment.ts'

/** Clients with keys repeat their writes until they are answered, while an app is killed and the writer is lost. */
export const retry: Drill = {
  name: 'retry',
  async run(environment) {
    const { topology, workload } = environment
    const clients = openKeyedClients(topology.url, workload, { writesPerSecond: 30, readsPerSecond: 30 })
    const failOver = async (load: RunningLoad) => {
      const [app = ''] = await topology.containers('app')
      const [writer = ''] = await topology.containers('db-writer')
      const killedAt = Date.now()
      await docker(['kill', app])
      const afterApp = await load.recovered(killedAt)
      // The reader has what was acknowledged, however long Docker takes.
      await topology.sql('db-writer', 'SET GLOBAL rpl_semi_sync_source_timeout = 600000')
      await docker(['kill', writer])
      const failover = await operatorCheck(environment, 'failover')
      const afterWriter = await load.recovered(Date.now())
      return [yes('recovered without the app', afterApp), failover, yes('recovered after the failover', afterWriter)]
    }
    try {
      const { attempts, result } = await environment.underLoad(failOver, clients)
      const writes = attempts.filter(({ kind }) => kind === 'write')
      const durability = await environment.verifyDurability(attempts, 'db-reader')
      return [
        ...result,
        atMost('keys without an answer', 0, failed(writes).length, '', outages(writes)),
        // With the checks below: each key has exactly one.
        atMost('difference between the rows and the keys', 0, Math.abs(durability.stored - writes.length)),
        atLeast('requests sent again', 100, clients.repeated()),
        await listedCheck(environment, attempts),
        ...durabilityChecks(durability),
      ]
    } finally {
      await environment.recreateDatabases()
    }
  },
}
