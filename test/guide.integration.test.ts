import { execFile } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { repositoryRoot } from '@repo/compose'
import { copyCheckout } from '@repo/compose/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const guide = readFileSync(join(repositoryRoot, 'docs/make-it-yours.md'), 'utf8')
let copy: string

/** A block of the guide, with the file that the text before it names last. */
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

/** What the reader does with a block: runs it, writes the file, adds the lines with a `+`. */
async function follow({ language, content, file }: Step): Promise<void> {
  const path = join(copy, file)
  if (language === 'sh') {
    await inCopy('.', 'bash', '-euo', 'pipefail', '-c', content)
  } else if (language === 'diff') {
    const lines = content.trimEnd().split('\n')
    const kept = lines.filter((line) => !line.startsWith('+'))
    const before = kept.map((line) => `${line.slice(1)}\n`).join('')
    const after = lines.map((line) => `${line.slice(1)}\n`).join('')
    const parts = readFileSync(path, 'utf8').split(before)
    expect(parts, `${file} has once:\n${before}`).toHaveLength(2)
    writeFileSync(path, parts.join(after))
  } else {
    expect(existsSync(path), `${file} is new`).toBe(false)
    writeFileSync(path, content)
  }
}

/** @throws all that the command printed. */
async function inCopy(folder: string, command: string, ...args: string[]): Promise<string> {
  const options = { cwd: join(copy, folder), maxBuffer: 64 * 1024 * 1024 }
  return run(command, args, options).then(
    ({ stdout }) => stdout,
    ({ stdout, stderr, message }) => {
      throw new Error(`${message}\n${stdout}${stderr}`)
    },
  )
}

/** How many tests of a file passed. */
async function passed(file: string): Promise<number> {
  const report = `test-results/${basename(file)}.json`
  await inCopy('.', 'node_modules/.bin/vitest', 'run', `--outputFile.json=${report}`, file)
  return JSON.parse(readFileSync(join(copy, report), 'utf8')).numPassedTests
}

beforeAll(async () => {
  copy = await copyCheckout()
})
afterAll(() => rmSync(copy, { recursive: true, force: true }))

describe('docs/make-it-yours.md', () => {
  const steps = stepsOf(guide)

  it('can be followed to the letter', async () => {
    expect(steps.map(({ language }) => language)).toEqual(expect.arrayContaining(['sql', 'ts', 'diff', 'sh']))
    for (const step of steps) await follow(step)
  })

  it('shows files as the formatter leaves them', () => {
    for (const { language, content, file } of steps) {
      if (language === 'ts') expect(readFileSync(join(copy, file), 'utf8'), file).toBe(content)
    }
  })

  it('gives what lint, types and its own tests accept', async () => {
    const [database, app] = await Promise.all([
      passed('packages/db/test/notes.test.ts'),
      passed('apps/app/test/notes.test.ts'),
      inCopy('packages/db', join(copy, 'node_modules/.bin/tsc')),
      inCopy('apps/app', join(copy, 'node_modules/.bin/tsc')),
      inCopy('.', 'node_modules/.bin/biome', 'check', '--vcs-enabled=false', 'apps/app', 'packages/db'),
    ])
    expect(database).toBeGreaterThan(2)
    expect(app).toBeGreaterThan(8)
  })

  it("changes of the template the schema's SQL and nothing else", () => {
    const template = 'infra/test/snapshots/dev.template.json'
    const [before = [], after = []] = [repositoryRoot, copy].map((root) =>
      readFileSync(join(root, template), 'utf8').split('\n'),
    )
    const changed = after.filter((line, at) => line !== before[at])
    expect(changed).toEqual([expect.stringContaining('CREATE TABLE IF NOT EXISTS notes')])
  })
})
