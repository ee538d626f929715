import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { services } from '@repo/compose'
import {
  answeredInTime,
  atLeast,
  atMost,
  type Check,
  type Drill,
  durabilityChecks,
  failed,
  outages,
  recoveryChecks,
  within,
  yes,
} from '../drill.ts'
import { dropping } from '../rows.ts'
import type { TestEnvironment } from '../test-environment.ts'

/**
 * The table is dropped, and the database restored to the last second that began before. Rows that were acknowledged
 * since that second are lost with the table; every other one must be there.
 */
export const restore: Drill = {
  name: 'restore',
  async run(environment) {
    const { topology, workload } = environment
    const file = join(environment.folder, 'backup.sql.gz')
    await rm(file, { force: true })
    const before = await environment.identities(services)
    const { attempts, result } = await environment.underLoad(async (load) => {
      await succeed(environment, 'backup', file)
      await delay(environment.steadyMs)
      const second = Math.floor(Date.now() / 1000) * 1000
      await topology.sql('db-writer', dropping(workload))
      const time = new Date(second).toISOString().replace('.000Z', 'Z')
      const startedAt = Date.now()
      await succeed(environment, 'restore', file, '--to', time, '--yes')
      const restoredAt = Date.now()
      const recovered = await load.recovered(restoredAt)
      const changed = before !== (await environment.identities(services))
      return { second, time, since: restoredAt, seconds: (restoredAt - startedAt) / 1000, recovered, changed }
    })
    const { second, time, since, seconds } = result
    // Sent after the restore, so acknowledged only if they are stored.
    const promised = attempts.filter(({ endedAt, sentAt }) => endedAt < second || sentAt > since)
    const { acknowledged, lost } = await environment.verifyDurability(promised)
    return [
      ...durabilityChecks({ ...(await environment.verifyDurability(attempts)), acknowledged, lost }),
      within('time to restore', 60, seconds),
      ...recoveryChecks('recovery time after the restore', 3, { attempts, ...result }),
      atLeast('requests refused until then', 1, failed(attempts).length, '', outages(attempts)),
      answeredInTime(attempts),
      atMost('containers restarted', 0, Number(result.changed)),
      await noticesMissingLog(environment, file, time),
    ]
  },
}

/** @throws with the command's output if it fails. */
async function succeed(
  environment: TestEnvironment,
  ...command: Parameters<TestEnvironment['operate']>
): Promise<void> {
  const { code, output } = await environment.operate(...command)
  if (code !== 0) throw new Error(output)
}

/** Without the logs since the backup a restore to a time refuses, and changes nothing. */
async function noticesMissingLog(environment: TestEnvironment, file: string, time: string): Promise<Check> {
  const { topology, workload } = environment
  const count = () => topology.sql('db-writer', `SELECT COUNT(*) FROM ${workload.table}`)
  for (const service of ['db-writer', 'db-reader']) {
    await topology.sql(service, 'FLUSH NO_WRITE_TO_BINLOG BINARY LOGS; PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY')
  }
  const before = await count()
  const { code, output } = await environment.operate('restore', file, '--to', time, '--yes')
  const isRefused = code === 1 && output.includes('No server has every binary log')
  const isUnchanged = before === (await count())
  return yes('a restore without the binary logs is refused', isRefused && isUnchanged, output)
}
