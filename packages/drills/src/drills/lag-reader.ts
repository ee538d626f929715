import { setTimeout as delay } from 'node:timers/promises'
import { services } from '@repo/compose'
import { atMost, type Drill, durabilityChecks, noFailures, timeBound, within } from '../drill.ts'
import { readerServesReads } from '../reads.ts'
import type { TestEnvironment } from '../test-environment.ts'

/** Replication stops at the reader for 15 seconds: its rows grow old, and the writer serves the reads instead. */
export const lagReader: Drill = {
  name: 'lag-reader',
  async run(environment) {
    const { topology } = environment
    const before = await environment.identities(services)
    const { attempts, result } = await environment.underLoad(async () => {
      await topology.sql('db-reader', 'STOP REPLICA SQL_THREAD')
      const ages: number[] = []
      const end = performance.now() + 15_000
      while (performance.now() < end) {
        ages.push(await ageOfNewest(environment))
        await delay(200)
      }
      const newest = await topology.sql('db-writer', 'SELECT @@GLOBAL.gtid_executed')
      await topology.sql('db-reader', `START REPLICA SQL_THREAD; SELECT WAIT_FOR_EXECUTED_GTID_SET('${newest}', 300)`)
      return { oldest: Math.max(...ages), returned: await readerServesReads(environment) }
    })
    return [
      // DB_READER_LAG_LIMIT_MS and one interval of measuring; docs/decisions/0063.
      timeBound(atMost('age of the newest listed row', 6, result.oldest, 's')),
      within('time until the reader serves reads after it caught up', 3, result.returned),
      noFailures('failed requests', attempts),
      atMost('containers restarted', 0, Number(before !== (await environment.identities(services)))),
      ...durabilityChecks(await environment.verifyDurability(attempts)),
    ]
  },
}

/** Seconds since the newest row that a read lists was stored; the load stores rows all the time. */
async function ageOfNewest({ topology, workload }: TestEnvironment): Promise<number> {
  const response = await fetch(topology.url + workload.newestPath)
  const listed = workload.listed({ status: response.status, body: await response.text() }) ?? []
  return (Date.now() - Math.max(...listed)) / 1000
}
