import { freePort, openTopology } from '@repo/compose'
import type { TestProject } from 'vitest/node'

/** Opens the one topology that all files share. */
export default async function setUp({ provide }: TestProject): Promise<() => Promise<void>> {
  const { down, project, url, env, profiles } = await openTopology({
    name: 'e2e',
    profiles: ['observe'],
    env: { PROMETHEUS_PORT: String(await freePort()) },
  })
  provide('topology', { project, url, env, profiles })
  return down
}
