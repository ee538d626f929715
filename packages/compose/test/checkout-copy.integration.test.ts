import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { copyCheckout } from '../src/checkout-copy.ts'
import { repositoryRoot } from '../src/index.ts'

let copy: string

beforeAll(async () => {
  copy = await copyCheckout()
})
afterAll(() => rm(copy, { recursive: true }))

it('copies the tracked files', () => {
  const read = (root: string) => readFileSync(join(root, 'compose.yaml'), 'utf8')
  expect(read(copy)).toBe(read(repositoryRoot))
  expect(existsSync(join(copy, '.git'))).toBe(false)
})

it('resolves workspaces to the copy and other packages to those installed', () => {
  expect(realpathSync(join(copy, 'node_modules/@repo/compose'))).toBe(join(realpathSync(copy), 'packages/compose'))
  expect(execFileSync(join(copy, 'node_modules/.bin/vitest'), ['--version'], { encoding: 'utf8' })).toContain('vitest')
})
