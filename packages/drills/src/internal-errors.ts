import { dockerOutput } from '@repo/compose'
import { atMost, type Check } from './drill.ts'
import type { TestEnvironment } from './test-environment.ts'

/** Begins to count the requests that fail with 500, whether their clients wait for the answer or not. */
export function watchInternalErrors({ topology }: TestEnvironment): () => Promise<Check> {
  const since = new Date().toISOString()
  return async () => {
    const apps = await topology.containers('app')
    const logs = await Promise.all(apps.map((app) => dockerOutput(['logs', '--since', since, app])))
    const lines = logs.flatMap(({ stdout }) => stdout.split('\n').filter((line) => line.includes('"status":500,')))
    const [first] = lines
    return atMost(
      'requests that failed with 500',
      0,
      lines.length,
      '',
      first ? ` (${JSON.parse(first).err?.message})` : '',
    )
  }
}
