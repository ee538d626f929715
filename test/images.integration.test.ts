import { docker, repositoryRoot } from '@repo/compose'
import { expect, it } from 'vitest'

/** What a service is, as far as its image is concerned. */
interface Service {
  readonly image?: string
  readonly build?: object
}

it.each([
  [['compose.yaml']],
  [['compose.yaml', 'compose.dev.yaml']],
  [['compose.yaml', 'packages/bench/compose.yaml']],
])('each image of %j is built by one service: two that build one tag at once can fail', async (files) => {
  const options = [...files.flatMap((file) => ['--file', file]), '--profile', '*']
  const config = await docker(['compose', ...options, 'config', '--format', 'json'], { cwd: repositoryRoot })
  const services: readonly (readonly [string, Service])[] = Object.entries(JSON.parse(config).services)
  const tags = services.filter(([, { build }]) => build).map(([name, { image = name }]) => image)
  expect(tags.length).toBeGreaterThan(5)
  expect(tags).toEqual([...new Set(tags)])
})
