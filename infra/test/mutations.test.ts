import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { readMutations } from './mutations.ts'

describe.each(readMutations())('the mutation $name', ({ name, path, file }) => {
  it('has a number, and names an existing test file', () => {
    expect(name).toMatch(/^\d\d-[a-z0-9-]+\.patch$/)
    expect(existsSync(join(repositoryRoot, file)), file).toBe(true)
  })

  it('applies to this checkout', () => {
    expect(() => execFileSync('git', ['apply', '--check', path], { cwd: repositoryRoot, stdio: 'pipe' })).not.toThrow()
  })
})
