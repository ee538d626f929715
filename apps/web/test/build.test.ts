import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const web = join(import.meta.dirname, '..')
/** A repository of its own, with the page and its build. */
const repository = mkdtempSync(join(tmpdir(), 'page-test-'))
afterAll(() => rmSync(repository, { recursive: true }))

const node = (...args: readonly string[]) => execFileSync(process.execPath, args, { cwd: repository, stdio: 'pipe' })
const git = (...args: readonly string[]) =>
  execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.org', ...args], {
    cwd: repository,
    stdio: 'pipe',
  })

let builds = 0

/** Builds the page. The names of the written files. */
function build(): string[] {
  const target = join(repository, `built-${builds++}`)
  node('build.ts', target)
  return readdirSync(target, { recursive: true }).map(String)
}

function change(file: string, text: string): void {
  writeFileSync(join(repository, 'page', file), readFileSync(join(repository, 'page', file), 'utf8') + text)
}

const nameOf = (files: readonly string[], source: string) =>
  files.filter((file) => file.replace(/\.[0-9a-f]{16}(?=\.)/, '') === source)

describe('the build of the page', () => {
  let first: readonly string[]

  beforeAll(() => {
    for (const file of ['build.ts', 'previous.ts', 'package.json', 'page']) {
      cpSync(join(web, file), join(repository, file), { recursive: true })
    }
    symlinkSync(join(web, '../../node_modules'), join(repository, 'node_modules'))
    git('init', '--quiet')
    git('add', 'page')
    git('commit', '--quiet', '--message', 'first')
    first = build()
  })

  it('gives a changed file, and what imports it, other names, and no other file', () => {
    change('services.ts', '\n// changed\n')
    const second = build()
    const renamed = first.filter((file) => !second.includes(file)).map((file) => file.replace(/\.[0-9a-f]{16}/, ''))
    expect(renamed.sort()).toEqual(['main.js', 'services.js'])
    expect(readFileSync(join(repository, 'built-1/index.html'), 'utf8')).toContain(nameOf(second, 'main.js')[0])
  })

  it('includes the files of the release before, in a checkout of another user too', () => {
    // Git's own switch for its tests.
    process.env.GIT_TEST_ASSUME_DIFFERENT_OWNER = 'true'
    node('previous.ts')
    delete process.env.GIT_TEST_ASSUME_DIFFERENT_OWNER
    const second = build()
    expect(second).toEqual(expect.arrayContaining(first.map(String)))
    expect(nameOf(second, 'main.js')).toHaveLength(2)
  })

  it('includes each file once when the page has not changed since', () => {
    git('commit', '--quiet', '--all', '--message', 'second')
    node('previous.ts')
    const again = build()
    expect(again.sort()).toEqual([...new Set([...first, ...build()])].sort())
    expect(nameOf(again, 'main.js')).toHaveLength(2)
  })

  it('works without a history', () => {
    rmSync(join(repository, '.git'), { recursive: true })
    node('previous.ts')
    expect(nameOf(build(), 'main.js')).toHaveLength(1)
  })

  it('fails for modules that import each other', () => {
    change(
      'elements.ts',
      "\nimport { send } from './api.ts'\nimport { setText } from './services.ts'\nsend.call(setText)\n",
    )
    expect(build).toThrow(/modules import each other: .*elements\.ts.*services\.ts.*elements\.ts/)
  })
})
