import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { repositoryRoot } from '../lib/repository-root.ts'

const assembly = mkdtempSync(join(tmpdir(), 'infra-'))
afterEach(() => rmSync(assembly, { recursive: true }))

it('writes functions that Lambda can read, whatever the umask is', () => {
  const { context } = JSON.parse(readFileSync(join(repositoryRoot, 'cdk.json'), 'utf8'))
  execFileSync('sh', ['-c', 'umask 077; exec "$@"', 'sh', process.execPath, 'infra/bin/main.ts'], {
    cwd: repositoryRoot,
    env: { ...process.env, CDK_OUTDIR: assembly, CDK_CONTEXT_JSON: JSON.stringify(context) },
    stdio: 'ignore',
  })
  const modes = readdirSync(assembly, { recursive: true, encoding: 'utf8' }).map((path) => ({
    path,
    mode: statSync(join(assembly, path)).mode,
  }))
  expect(modes.map(({ path }) => path)).toContainEqual(expect.stringMatching(/^asset\..*\.mjs$/))
  expect(modes.filter(({ mode }) => (mode & 0o444) !== 0o444)).toEqual([])
  expect(modes.filter(({ mode }) => mode & 0o040000 && (mode & 0o111) !== 0o111)).toEqual([])
})
