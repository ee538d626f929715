import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { docker, removeLeftovers, testProject, testRun } from '../src/index.ts'

const label = (project: string) => ['--label', `com.docker.compose.project=${project}`]

const volumes = async () => (await docker(['volume', 'ls', '--format', '{{.Name}}'])).split('\n')

it('removes what a killed run left behind, and nothing of other runs', async () => {
  const ended = spawn('true')
  await once(ended, 'exit')
  const dead = testProject('leftovers').replace(`-${process.pid}-`, `-${ended.pid}-`)
  const ours = testProject('leftovers')
  const theirs = 'another-project'
  const created: string[] = []
  try {
    for (const project of [dead, ours, theirs]) {
      const volume = `${project}_leftover`
      created.push(volume)
      await docker(['volume', 'create', ...label(project), volume])
      await docker(['network', 'create', ...label(project), volume])
    }
    await removeLeftovers()
    expect(await volumes()).not.toContain(`${dead}_leftover`)
    expect(await volumes()).toContain(`${ours}_leftover`)
    expect(await volumes()).toContain(`${theirs}_leftover`)
    expect(await docker(['network', 'ls', '--format', '{{.Name}}'])).not.toContain(`${dead}_leftover`)
  } finally {
    await docker(['volume', 'rm', '--force', ...created])
    for (const network of created) await docker(['network', 'rm', network]).catch(() => {})
  }
  expect(testRun).toMatch(/^test-[0-9a-f]{6}-\d+$/)
})
