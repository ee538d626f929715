import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { docker, testImage } from '@repo/compose'
import { afterAll, describe, expect, it } from 'vitest'
import { changed, commitAll, follow, inCopy, path, shell, useCopy } from './project-copy.ts'

useCopy()
// Its tests on MySQL build an image of their own.
afterAll(() => docker(['image', 'rm', testImage('mysql', path(''))]).catch(() => {}))

/** Lint, and the unit tests that the step can break; guide.slow.test.ts runs all, and the types after each step. */
async function expectGreen(...tests: readonly string[]): Promise<void> {
  // Lint and the checks of the repository ask Git for the files.
  await inCopy('git', 'add', '--all')
  await inCopy('npm', 'run', 'lint')
  await inCopy('npx', 'vitest', 'run', '--project', 'unit', ...tests)
}

describe('a clone', () => {
  it.each([
    ["'title'", 'expected NAME:TYPE'],
    ["'title:string(200)' --plural times", "There is a resource 'times' already"],
    ["'title:string(200)' --plural heartbeat", "There is a table 'heartbeat' already"],
    ["'title:string(200)' --plural stats", "The path '/stats' has another use"],
    ["'title:string(200)' --plural services", "The page has an element with the id 'services' already"],
    ["'owner:ref(person)'", 'no resource has the table person or persons'],
  ])('refuses ticket %s: %s', async (fields, message) => {
    await expect(shell(`node packages/generate/src/generate.ts resource ticket ${fields}`)).rejects.toThrow(message)
    expect(await changed()).toBe('')
  })

  it.each([
    ['', 'Usage: npm run init -- NAME'],
    ['My-Shop', "Invalid name 'My-Shop'"],
    ['three-tier', 'is the name that is to be replaced'],
    ['express', 'is the name of a package that is installed here'],
    ['acme --nope', "Unknown option '--nope'"],
  ])("refuses to become '%s': %s", async (name, message) => {
    await expect(shell(`node packages/generate/src/init.ts ${name}`)).rejects.toThrow(message)
  })

  it('refuses init while something is not committed, and where it is not the root of a checkout', async () => {
    writeFileSync(path('new'), '')
    await expect(shell('npm run init -- acme')).rejects.toThrow('There are changes that are not committed')
    await inCopy('rm', 'new')
    await inCopy('mv', '.git', 'moved')
    try {
      await expect(shell('npm run init -- acme')).rejects.toThrow('is not the root of a Git checkout')
    } finally {
      await inCopy('mv', 'moved', '.git')
    }
  })

  it('is unchanged when a step of init or generate fails', async () => {
    // After it has written.
    appendFileSync(path('apps/app/generate/openapi.ts'), "throw new Error('fails')\n")
    await commitAll()
    for (const title of ['Make it your own', 'Add a resource']) {
      await expect(follow(title)).rejects.toThrow('Nothing was changed.')
      expect(await changed()).toBe('')
    }
    await inCopy('git', 'reset', '--hard', '--quiet', 'HEAD~1')
  })

  it('becomes a project without the times in one commit, which passes lint and unit tests', async () => {
    await follow('Make it your own')
    expect(await changed()).toBe('')
    // What is installed is enough.
    await shell('. scripts/setup/dependencies.sh; wanted_packages | cmp - "$INSTALLED"')
    expect(await inCopy('git', 'rev-list', '--count', 'HEAD')).toBe('2\n')
    expect(await inCopy('git', 'grep', '-il', 'three-tier')).toBe('CHANGELOG.md\nLICENSE\nREADME.md\n')
    expect(await inCopy('git', 'ls-files', '*times*', '*bench*', ':!docs/decisions')).toBe('')
    expect(await shell("git grep -E 'packages/bench|(resources|workloads|page|test)/times' || true")).toBe('')
    await expect(follow('Make it your own')).rejects.toThrow('was made by npm run init already')
    await expectGreen(
      'test/repository',
      'packages/drills/test/w',
      'apps/app/test/openapi',
      'packages/db/test/migrations',
    )
  })
})

describe('a project', () => {
  it('is as before when a resource is removed', async () => {
    await follow('Add a resource')
    await commitAll()
    await follow('Remove it')
    await inCopy('git', 'add', '--all')
    expect(await inCopy('git', 'diff', '--cached', '--name-only', 'HEAD~1')).toBe('')
    await inCopy('git', 'reset', '--hard', '--quiet')
  })

  it('gets resources, and passes lint, types, unit tests and the tests of the resources', async () => {
    const others =
      "'ticket:ref(ticket)' 'text:text' 'stars:int?' 'price:decimal(8,2)?' 'done:bool' 'seen:bool?' 'code:string(5)?!'"
    await shell(`npm run generate -- resource line-comment ${others} 'day:date?' 'seenAt:datetime!'`)
    await expectGreen(
      'apps/app/test/openapi',
      'apps/app/test/generate',
      'apps/app/test/config',
      'apps/app/test/main',
      'packages/db/test/migrations',
      'packages/drills/test/v',
      'packages/drills/test/w',
      'infra/test/snapshot',
      'test/repository',
    )
    await inCopy('npm', 'run', 'typecheck')
    const results = 'test-results/guide.json'
    // The last one plants rows of each resource that the drills must find.
    const tests = ['resources/tickets', 'resources/line-comments', 'packages/drills/test/durability']
    await inCopy('npx', 'vitest', 'run', '--project', 'integration', ...tests, `--outputFile.json=${results}`)
    expect(JSON.parse(readFileSync(path(results), 'utf8')).numPassedTests).toBeGreaterThan(30)
  })

  it('has migrations of its own above those that may come, and only they change in the template', async () => {
    expect(await shell('ls packages/db/migrations | tail -2')).toBe(
      '1001_create_tickets.sql\n1002_create_line_comments.sql\n',
    )
    const diff = await inCopy('git', 'diff', '--unified=0', 'HEAD~1', '--', 'infra/test/snapshots')
    expect(diff.match(/^\+ .*/gm)).toEqual([expect.stringContaining('CREATE TABLE IF NOT EXISTS tickets')])
  })

  it('keeps the promises for its resource when an app is killed', async () => {
    const load = (module: string) => import(pathToFileURL(path(`packages/drills/src/${module}.ts`)).href)
    const [{ openTestEnvironment }, { killApp }, { tickets }] = await Promise.all(
      ['test-environment', 'drills/kill-app', 'workloads/tickets'].map(load),
    )
    await using environment = await openTestEnvironment({ workload: tickets, steadyMs: 1000 })
    const checks: readonly { ok: boolean; timeBound: boolean }[] = await killApp.run(environment)
    // Bounds on time are for `npm run drill`, on a machine that does nothing else.
    expect(checks.filter(({ ok, timeBound }) => !ok && !timeBound)).toEqual([])
  })
})
