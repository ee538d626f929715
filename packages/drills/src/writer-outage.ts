import {
  answeredInTime,
  atLeast,
  type Check,
  durabilityChecks,
  failed,
  noFailures,
  outages,
  recoveryChecks,
} from './drill.ts'
import type { Attempt } from './load.ts'
import type { TestEnvironment } from './test-environment.ts'

/** While the writer was unavailable, writes were refused and reads went on. */
export async function writerOutageChecks(
  environment: TestEnvironment,
  attempts: readonly Attempt[],
  recovery: string,
  result: { readonly since: number; readonly recovered: boolean },
): Promise<Check[]> {
  const writes = attempts.filter(({ kind }) => kind === 'write')
  return [
    ...recoveryChecks(recovery, 3, { ...result, attempts: writes }),
    atLeast('writes refused during the fault', 1, failed(writes).length, '', outages(writes)),
    noFailures(
      'failed reads',
      attempts.filter(({ kind }) => kind === 'read'),
    ),
    answeredInTime(attempts),
    ...durabilityChecks(await environment.verifyDurability(attempts)),
  ]
}
