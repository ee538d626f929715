import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { changed, commitAll, commitAnew, inCopy, path, shell, useCopy } from './project-copy.ts'

useCopy()

/** Beside the copy. */
const upstream = () => `${path('')}-upstream.git`
const other = () => `${path('')}-other.git`

/** Replaces a text in a file of the copy. */
function edit(file: string, from: string, to: string): void {
  const text = readFileSync(path(file), 'utf8')
  expect(text, file).toContain(from)
  writeFileSync(path(file), text.replace(from, to))
}

/** Commits a later version, changed so, as a branch of the upstream repository. */
async function release(branch: string, change: () => void): Promise<void> {
  change()
  await commitAll()
  await inCopy('git', 'push', '--quiet', upstream(), `HEAD:refs/heads/${branch}`)
  await inCopy('git', 'reset', '--hard', '--quiet', 'HEAD~1')
}

const upgrade = (options: string) => shell(`node packages/generate/src/upgrade.ts ${options}`)
const routes = 'apps/app/src/resources/tickets/routes.ts'

beforeAll(async () => {
  await inCopy('git', 'clone', '--quiet', '--bare', '.', upstream())
  await release('later', () => {
    edit('compose.yaml', 'cpu_shares: 256', 'cpu_shares: 128')
    edit('apps/app/generate/openapi.ts', 'All times are UTC.', 'Times are UTC.')
    edit('CHANGELOG.md', '### Added\n', '### Added\n\n- **Breaking:** the reader has\n  half the share.\n')
    writeFileSync(
      path('packages/db/migrations/0900_later.sql'),
      '-- App user: nothing ON later\nCREATE TABLE later (id INT)\n',
    )
  })
  await release('conflicting', () => edit('compose.yaml', 'max-size: 10m', 'max-size: 40m'))
  await release('broken', () => edit('apps/web/httpd.conf', "== '/write'", "== '/written'"))
  // As a copy of a template: the same files, another commit, no history in common.
  await commitAnew()
  await shell('npm run init -- acme')
  await shell("npm run generate -- resource ticket 'title:string(200)!'")
  edit(routes, 'export function', '/** Ours. */\nexport function')
  edit('compose.yaml', 'max-size: 10m', 'max-size: 20m')
  await commitAll()
  await inCopy('git', 'clone', '--quiet', '--bare', '--depth=1', `file://${path('')}`, other())
})
afterAll(() => {
  for (const repository of [upstream(), other()]) rmSync(repository, { recursive: true, force: true })
})

describe('npm run upgrade', () => {
  it.each([
    ['later', '.upstream.json has no address'],
    ['/nowhere later', '/nowhere cannot be fetched. An upgrade needs it'],
    ['a b', 'Usage: npm run upgrade'],
  ])('refuses %s: %s', async (options, message) => {
    await expect(upgrade(options)).rejects.toThrow(message)
    expect(await changed()).toBe('')
  })

  it('refuses a repository that has no such version, and one with other content', async () => {
    await expect(upgrade(`${upstream()} nope`)).rejects.toThrow("has no branch, tag or commit 'nope'")
    await expect(upgrade(other())).rejects.toThrow('nor one with its content')
    await expect(upgrade(`${upstream()} broken`)).rejects.toThrow('No project can be made of')
    expect(await changed()).toBe('')
  })

  it('refuses to run while something is not committed', async () => {
    writeFileSync(path('new'), '')
    await expect(upgrade(`${upstream()} later`)).rejects.toThrow('There are changes that are not committed')
    rmSync(path('new'))
  })

  it('does nothing where nothing is newer', async () => {
    expect(await upgrade(upstream())).toContain('has everything of')
    expect(await changed()).toBe('')
  })

  it('marks a conflict, keeps all else and says what to do', async () => {
    await expect(upgrade(`conflicting ${upstream()}`)).rejects.toThrow(
      'The changes are merged, but for conflicts in:\n  compose.yaml\n',
    )
    const text = readFileSync(path('compose.yaml'), 'utf8')
    expect(text).toMatch(/<<<<<<< .*\n.*20m.*\n=======\n.*40m.*\n>>>>>>> /)
    await inCopy('git', 'reset', '--hard', '--quiet')
  })

  it('brings a later version, keeps what is the own, and shows what is breaking', async () => {
    const output = await upgrade(`${upstream()} later`)
    expect(output).toContain('Breaking changes:\n  - the reader has half the share.\n')
    const compose = readFileSync(path('compose.yaml'), 'utf8')
    expect(compose).toContain('cpu_shares: 128')
    expect(compose).toContain('max-size: 20m')
    expect(readFileSync(path(routes), 'utf8')).toContain('/** Ours. */')
    const document = readFileSync(path('apps/app/src/http/openapi.json'), 'utf8')
    expect(document).toContain('"Times are UTC.')
    expect(document).toContain('"/tickets"')
    expect(readFileSync(path('infra/test/snapshots/dev.template.json'), 'utf8')).toContain('0900_later')
    expect(readFileSync(path('CHANGELOG.md'), 'utf8')).not.toContain('Breaking')
    expect(JSON.parse(readFileSync(path('.upstream.json'), 'utf8'))).toMatchObject({ repository: upstream() })
    // Staged, each of them.
    expect((await changed()).split('\n').filter((line) => !/^\S {2}/.test(line))).toEqual([])
    await inCopy('npm', 'run', 'lint')
    await inCopy('npx', 'vitest', 'run', '--project', 'unit', 'apps/app/test', 'infra/test/snapshot', 'test/repository')
  })

  it('has nothing to do when it is repeated', async () => {
    await inCopy('git', 'commit', '--quiet', '--message=upgrade')
    expect(await upgrade('later')).toContain('has everything of')
  })
})
