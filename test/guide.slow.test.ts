import { describe, expect, it } from 'vitest'
import { commitAll, follow, inCopy, shell, useCopy } from './project-copy.ts'

useCopy()

async function expectGreen(): Promise<void> {
  await inCopy('git', 'add', '--all')
  for (const part of ['lint', 'typecheck', 'test:unit', 'test:setup']) await inCopy('npm', 'run', part)
}

describe('docs/make-it-yours.md', () => {
  it('leads to a repository that passes lint, types, unit and setup tests, beside the times', async () => {
    await follow('Add a resource')
    await expectGreen()
    await inCopy('git', 'reset', '--hard', '--quiet')
    await inCopy('git', 'clean', '--force', '-d', '--quiet')
  })

  it('leads to a project with the times that passes them', async () => {
    await shell('npm run init -- my-three-tier --keep-times')
    expect(await shell('cat package.json apps/web/page/index.html')).toMatch(/"my-three-tier"[\s\S]*<h1>My-three-tier</)
    await expectGreen()
    await inCopy('git', 'reset', '--hard', '--quiet', 'HEAD~1')
    // The packages were never others.
    await shell('. scripts/setup/dependencies.sh; wanted_packages >"$INSTALLED"')
  })

  it('leads to a project without the times that passes them, without and with a resource', async () => {
    await follow('Make it your own')
    await expectGreen()
    await follow('Add a resource')
    await expectGreen()
    await commitAll()
  })
})
