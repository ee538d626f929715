import { expect, it } from 'vitest'
import { docker, openTopology, testProject, waitFor } from '../src/index.ts'

const name = 'interruption'

async function leftovers(kind: 'container' | 'network' | 'volume'): Promise<string[]> {
  const filter = `label=com.docker.compose.project=${testProject(name)}`
  const all = kind === 'container' ? ['--all'] : []
  return (await docker([kind, 'ls', ...all, '--quiet', '--filter', filter])).split('\n').filter(Boolean)
}

it('removes everything when it is aborted while the topology starts', async () => {
  const controller = new AbortController()
  const outcome = openTopology({ name, services: ['db-writer'], signal: controller.signal }).then(
    () => 'opened',
    () => 'aborted',
  )
  await waitFor('a container of the topology', async () => (await leftovers('container')).length > 0)
  controller.abort()
  expect(await outcome).toBe('aborted')
  for (const kind of ['container', 'network', 'volume'] as const) expect(await leftovers(kind), kind).toEqual([])
})
