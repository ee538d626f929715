import { afterEach, expect, it } from 'vitest'
import { git } from '../src/git.ts'

afterEach(() => void delete process.env.GIT_TEST_ASSUME_DIFFERENT_OWNER)

it('reads a checkout that belongs to another user', () => {
  // Git's own switch for its tests.
  process.env.GIT_TEST_ASSUME_DIFFERENT_OWNER = 'true'
  expect(git('ls-files', 'compose.yaml')).toBe('compose.yaml\n')
})
