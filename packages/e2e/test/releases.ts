import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { docker } from '@repo/compose'
import { onTestFinished } from 'vitest'
import { topology } from './topology.ts'

/** Those that a deployment replaces. */
const replaced = ['app', 'web']

/** The containers of services. */
export const instances = async (services: readonly string[] = replaced): Promise<string[]> =>
  (await Promise.all(services.map((service) => topology.containers(service)))).flat()

/** The versions of the services' containers, see {@link release}. */
export async function versions(services: readonly string[] = replaced): Promise<Set<string>> {
  const format = '{{index .Config.Labels "version"}}'
  return new Set((await docker(['inspect', '--format', format, ...(await instances(services))])).split('\n'))
}

/** Another image of the service. */
export const labelled = (version: string): object => ({ build: { labels: { version } } })

/** The environment in which Compose reads these services in addition to compose.yaml, until the test ends. */
export async function release(services: object): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'release-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'release.yaml')
  await writeFile(file, JSON.stringify({ services }))
  return { COMPOSE_FILE: ['compose.yaml', file].join(delimiter) }
}
