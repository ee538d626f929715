import { delimiter } from 'node:path'
import { freePort, openTopology } from '@repo/compose'
import type { TestProject } from 'vitest/node'

/** Opens the one topology that all files share; for the project `light`, a light one. */
export default async function setUp({ name, provide }: TestProject): Promise<() => Promise<void>> {
  const { down, project, url, env, profiles } = await openTopology(
    name === 'light'
      ? { name: 'e2e-light', env: { COMPOSE_FILE: ['compose.yaml', 'compose.light.yaml'].join(delimiter) } }
      : { name: 'e2e', profiles: ['observe'], env: { PROMETHEUS_PORT: String(await freePort()) } },
  )
  provide('topology', { project, url, env, profiles })
  return down
}
