import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { repositoryRoot } from '../src/index.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docker-'))
  // As `docker context inspect` without a name.
  const script = `#!/bin/sh\n[ "$1 $2" = "context inspect" ] && echo "unix:///\${DOCKER_CONTEXT:-colima}.sock"\n`
  writeFileSync(join(folder, 'docker'), script, { mode: 0o755 })
})
afterEach(() => rmSync(folder, { recursive: true }))

/** DOCKER_HOST, which Testcontainers reads, after a container was declared. */
function addressOf(environment: Record<string, string>): string {
  const script = `
    import { testContainer } from './packages/compose/src/testing.ts'
    testContainer('image')
    console.log(process.env.DOCKER_HOST)`
  const { DOCKER_HOST, DOCKER_CONTEXT, ...env } = process.env
  return execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: repositoryRoot,
    env: { ...env, PATH: `${folder}:${process.env.PATH}`, ...environment },
    encoding: 'utf8',
  }).trim()
}

it('gives Testcontainers the engine of the current context', () => {
  expect(addressOf({})).toBe('unix:///colima.sock')
  expect(addressOf({ DOCKER_CONTEXT: 'rootless' })).toBe('unix:///rootless.sock')
})

it('keeps DOCKER_HOST', () => {
  expect(addressOf({ DOCKER_HOST: 'tcp://192.0.2.1:2375' })).toBe('tcp://192.0.2.1:2375')
})
