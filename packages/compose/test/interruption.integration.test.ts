import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it, vi } from 'vitest'
import { openStack } from '../src/index.ts'

const run = promisify(execFile)
const project = 'three-tier-test-interruption'

async function left(kind: 'container' | 'network' | 'volume'): Promise<string[]> {
  const filter = `label=com.docker.compose.project=${project}`
  const all = kind === 'container' ? ['--all'] : []
  const { stdout } = await run('docker', [kind, 'ls', ...all, '--quiet', '--filter', filter])
  return stdout.split('\n').filter(Boolean)
}

it('a stack that is interrupted on its way up leaves nothing behind', { timeout: 300_000 }, async () => {
  const interruption = new AbortController()
  const opening = openStack({ project, port: 18_084, services: ['db-writer'], signal: interruption.signal })
  const outcome = opening.then(
    () => 'opened',
    () => 'interrupted',
  )
  await vi.waitFor(async () => expect(await left('container')).not.toEqual([]), { timeout: 240_000, interval: 100 })
  interruption.abort()
  expect(await outcome).toBe('interrupted')
  for (const kind of ['container', 'network', 'volume'] as const) expect(await left(kind), kind).toEqual([])
})
