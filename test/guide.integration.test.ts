import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { repositoryRoot } from '@repo/compose'
import { copyCheckout } from '@repo/compose/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const guide = readFileSync(join(repositoryRoot, 'docs/make-it-yours.md'), 'utf8')
const [adding = '', removing = ''] = guide.split(/^## .*Remove the times$/m)
let copy: string

/** Before and after the tests of a section, which changes a copy of its own. */
function useCopy(): void {
  beforeAll(async () => {
    copy = await copyCheckout()
    // Lint and the checks of the repository ask Git for the files.
    await inCopy('git', 'init', '--quiet')
    await inCopy('git', 'add', '--all')
  })
  afterAll(() => rmSync(copy, { recursive: true, force: true }))
}

/** A block of the guide, and the file that the text before it named last. */
interface Step {
  readonly language: string
  readonly content: string
  readonly file: string
}

function stepsOf(text: string): Step[] {
  const blocks = text.matchAll(/(<!-- by hand -->\n)?^```(\w+)\n([\s\S]*?)^```$/gm)
  return [...blocks].flatMap(({ 1: byHand, 2: language = '', 3: content = '', index }) => {
    const file = [...text.slice(0, index).matchAll(/`([\w.-]+\/[\w./-]+\.\w+)`/g)].at(-1)?.[1] ?? ''
    return byHand ? [] : [{ language, content, file }]
  })
}

/** Runs a command, writes a new file, or adds the lines with a `+`, as a reader does. */
async function follow({ language, content, file }: Step): Promise<void> {
  const path = join(copy, file)
  if (language === 'sh') {
    await inCopy('bash', '-euo', 'pipefail', '-c', content)
  } else if (language === 'diff') {
    const lines = content.trimEnd().split('\n')
    const textOf = (some: string[]) => some.map((line) => `${line.slice(1)}\n`).join('')
    const parts = readFileSync(path, 'utf8').split(textOf(lines.filter((line) => !line.startsWith('+'))))
    expect(parts, `${file} contains once:\n${content}`).toHaveLength(2)
    writeFileSync(path, parts.join(textOf(lines)))
  } else {
    expect(existsSync(path), `${file} is new`).toBe(false)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
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

describe('docs/make-it-yours.md on adding a resource', () => {
  useCopy()

  it('can be followed', async () => {
    const steps = stepsOf(adding)
    expect(steps.map(({ language }) => language)).toEqual(expect.arrayContaining(['sql', 'ts', 'html', 'diff', 'sh']))
    for (const step of steps) await follow(step)
    for (const { file, content } of steps.filter(({ language }) => language === 'ts')) {
      expect(readFileSync(join(copy, file), 'utf8'), `${file} is formatted`).toBe(content)
    }
  })

  it('leads to a repository that passes lint, types and the tests of the resource', async () => {
    await inCopy('npm', 'run', 'lint')
    await inCopy('npm', 'run', 'typecheck')
    const results = 'test-results/guide.json'
    await inCopy('npx', 'vitest', 'run', '--project', 'integration', 'resources/notes', `--outputFile.json=${results}`)
    expect(JSON.parse(readFileSync(join(copy, results), 'utf8')).numPassedTests).toBeGreaterThan(7)
  })

  it("changes only the migrations in the template's snapshot", () => {
    const template = 'infra/test/snapshots/dev.template.json'
    const [before = [], after = []] = [repositoryRoot, copy].map((root) =>
      readFileSync(join(root, template), 'utf8').split('\n'),
    )
    const changed = after.filter((line, index) => line !== before[index])
    expect(changed).toEqual([expect.stringContaining('CREATE TABLE IF NOT EXISTS notes')])
  })
})

describe('docs/make-it-yours.md on removing the times', () => {
  useCopy()

  it('leads to a repository without a resource that passes lint, types and unit tests', async () => {
    const steps = stepsOf(removing)
    expect(steps.length).toBeGreaterThan(1)
    for (const step of steps) await follow(step)
    await inCopy('npm', 'run', 'lint')
    await inCopy('npm', 'run', 'typecheck')
    await inCopy('npm', 'run', 'test:unit')
  })
})
