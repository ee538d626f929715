import { execFile } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { repositoryRoot } from '@repo/compose'
import { copyCheckout } from '@repo/compose/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const guide = readFileSync(join(repositoryRoot, 'docs/make-it-yours.md'), 'utf8')
/** A section of the guide. */
const section = (title: string) => guide.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? ''
let copy: string

/** Before and after the tests of a section, which changes a copy of its own. */
function useCopy(): void {
  beforeAll(async () => {
    copy = await copyCheckout()
    // Lint and the checks of the repository ask Git for the files.
    await inCopy('git', 'init', '--quiet')
    await inCopy('git', 'add', '--all')
    await inCopy('git', '-c', 'user.name=test', '-c', 'user.email=test', 'commit', '--quiet', '--message=test')
  })
  afterAll(() => rmSync(copy, { recursive: true, force: true }))
}

/** Runs the commands of a section, but those that are for the reader alone. */
async function follow(title: string): Promise<void> {
  const blocks = [...section(title).matchAll(/(<!-- by hand -->\n)?^```sh\n([\s\S]*?)^```$/gm)]
  const commands = blocks.flatMap(([, byHand, content = '']) => (byHand ? [] : [content]))
  expect(commands.length, title).toBeGreaterThan(0)
  for (const command of commands) await inCopy('bash', '-euo', 'pipefail', '-c', command)
}

/** @throws everything that the command printed. */
async function inCopy(command: string, ...args: string[]): Promise<string> {
  return run(command, args, { cwd: copy, maxBuffer: 64 * 1024 ** 2 }).then(
    ({ stdout }) => stdout,
    ({ stdout, stderr, message }) => {
      throw new Error(`${message}\n${stdout}${stderr}`)
    },
  )
}

/** The files that differ from the last commit of the copy. */
const changed = async () => (await inCopy('git', 'status', '--porcelain', '--untracked-files=all')).trim()

describe('docs/make-it-yours.md on adding a resource', () => {
  useCopy()

  it.each([
    ["'title'", 'expected NAME:TYPE'],
    ["'title:string(200)' --plural times", "There is a resource 'times' already"],
    ["'title:string(200)' --plural heartbeat", "There is a table 'heartbeat' already"],
    ["'title:string(200)' --plural stats", "The path '/stats' has another use"],
    ["'title:string(200)' --plural services", "The page has an element with the id 'services' already"],
    ["'owner:ref(person)'", 'no migration creates the table person or persons'],
  ])('refuses ticket %s: %s', async (fields, message) => {
    const refused = inCopy('bash', '-c', `npm run --silent generate -- resource ticket ${fields}`)
    await expect(refused).rejects.toThrow(message)
    expect(await changed()).toBe('')
  })

  it('changes nothing when a step fails', async () => {
    const snapshotTest = join(copy, 'infra/test/snapshot.test.ts')
    const text = readFileSync(snapshotTest, 'utf8')
    writeFileSync(snapshotTest, 'this is no test')
    await expect(follow('Add a resource')).rejects.toThrow('Nothing was changed.')
    writeFileSync(snapshotTest, text)
    expect(await changed()).toBe('')
  })

  it('leads to a repository that passes lint, types, unit tests and the tests of the resources', async () => {
    await follow('Add a resource')
    const others =
      "'ticket:ref(ticket)' 'text:text' 'stars:int?' 'price:decimal(8,2)?' 'done:bool' 'seen:bool?' 'code:string(5)?!'"
    await inCopy('bash', '-c', `npm run generate -- resource line-comment ${others} 'day:date?' 'seenAt:datetime!'`)
    await inCopy('git', 'add', '--all')
    await inCopy('npm', 'run', 'lint')
    await inCopy('npm', 'run', 'typecheck')
    await inCopy('npm', 'run', 'test:unit')
    const results = 'test-results/guide.json'
    // The last one plants rows of each resource that the drills must find.
    const tests = ['resources/tickets', 'resources/line-comments', 'packages/drills/test/durability']
    await inCopy('npx', 'vitest', 'run', '--project', 'integration', ...tests, `--outputFile.json=${results}`)
    expect(JSON.parse(readFileSync(join(copy, results), 'utf8')).numPassedTests).toBeGreaterThan(30)
  })

  it("changes only the migrations in the template's snapshot", () => {
    const template = 'infra/test/snapshots/dev.template.json'
    const [before = [], after = []] = [repositoryRoot, copy].map((root) =>
      readFileSync(join(root, template), 'utf8').split('\n'),
    )
    const lines = after.filter((line, index) => line !== before[index])
    expect(lines).toEqual([expect.stringContaining('CREATE TABLE IF NOT EXISTS tickets')])
  })

  it('can be undone', async () => {
    await inCopy('git', 'reset', '--hard', '--quiet')
    await follow('Add a resource')
    await follow('Remove it')
    expect(await changed()).toBe('')
  })
})

describe('docs/make-it-yours.md on removing the times', () => {
  useCopy()

  it('leads to a repository without a resource that passes lint, types and unit tests', async () => {
    await follow('Remove the times')
    await inCopy('npm', 'run', 'lint')
    await inCopy('npm', 'run', 'typecheck')
    await inCopy('npm', 'run', 'test:unit')
  })
})
