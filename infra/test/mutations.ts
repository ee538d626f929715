import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { git, repositoryRoot } from '@repo/compose'

const run = promisify(execFile)
const folder = join(import.meta.dirname, 'mutations')

/** A patch that undoes one property, and the test that must then fail. */
export interface Mutation {
  readonly name: string
  /** The patch's file. */
  readonly path: string
  readonly undoes: string
  /** The test's file, relative to the root. */
  readonly file: string
  /** Titles of the test's blocks and of the test. */
  readonly test: string
}

/** The patches of the folder `mutations`. @throws when one lacks a header line. */
export function readMutations(): readonly Mutation[] {
  const names = readdirSync(folder).sort()
  return names.map((name) => {
    const path = join(folder, name)
    const [, undoes = '', file = '', test = ''] =
      /^Undoes: (.+)\nTurns red: (\S+) › (.+)\n\n/.exec(readFileSync(path, 'utf8')) ?? []
    if (!test) throw new Error(`${name}: expected the lines "Undoes: …" and "Turns red: FILE › TEST", and an empty one`)
    return { name, path, undoes, file, test }
  })
}

/** A copy of the checkout with its changes. The packages of npm are links, those of the repository are its own. */
async function copyCheckout(): Promise<string> {
  // The same path every time: the names of images that tests build contain its hash.
  const checkout = createHash('sha256').update(repositoryRoot).digest('hex').slice(0, 6)
  const copy = join(tmpdir(), `mutations-${checkout}`)
  rmSync(copy, { recursive: true, force: true })
  const files = git('ls-files', '-z', '--cached', '--others', '--exclude-standard')
  // `.env` names the base images of tests that build some.
  const paths = ['.env', ...files.split('\0')].filter((path) => path && existsSync(join(repositoryRoot, path)))
  for (const path of paths) cpSync(join(repositoryRoot, path), join(copy, path))
  mkdirSync(join(copy, 'node_modules'), { recursive: true })
  for (const name of readdirSync(join(repositoryRoot, 'node_modules'))) {
    const [from, to] = [join(repositoryRoot, 'node_modules', name), join(copy, 'node_modules', name)]
    if (name === '@repo') cpSync(from, to, { recursive: true, verbatimSymlinks: true })
    else symlinkSync(from, to)
  }
  // Some tests ask git for the files.
  await run('git', ['init', '--quiet'], { cwd: copy })
  await run('git', ['add', '--all'], { cwd: copy })
  return copy
}

const suites = { integration: /\.integration\.test\.ts$/, setup: /^test\/setup\// }

interface Result {
  readonly ancestorTitles: readonly string[]
  readonly title: string
  readonly status: string
  readonly failureMessages: readonly string[]
}

/** The results of a test file by the titles of each test. */
async function runTests(copy: string, file: string): Promise<ReadonlyMap<string, Result>> {
  const [suite = 'unit'] = Object.entries(suites).find(([, form]) => form.test(file)) ?? []
  const output = join(copy, 'results.json')
  const args = ['run', '--project', suite, file, '--reporter', 'json', '--outputFile', output]
  // It fails when a test fails.
  await run(process.execPath, [join(copy, 'node_modules/vitest/vitest.mjs'), ...args], { cwd: copy }).catch(() => {})
  const { testResults } = JSON.parse(readFileSync(output, 'utf8'))
  const results: readonly Result[] = testResults.flatMap(
    (each: { assertionResults: Result[] }) => each.assertionResults,
  )
  return new Map(results.map((result) => [[...result.ancestorTitles, result.title].join(' › '), result]))
}

/** `resolves` has the name of the error that it received. */
const isAssertion = /^AssertionError\b|^\w+: promise rejected .* instead of resolving/

/** Why the test does not show that the patch is wrong; undefined when it does. */
function objection(result: Result | undefined): string | undefined {
  if (!result) return 'the test was not found, or its file could not be loaded'
  if (result.status !== 'failed') return `the test has ${result.status}`
  const [message = ''] = result.failureMessages
  return isAssertion.test(message) ? undefined : `the test failed without an assertion: ${message}`
}

/** Applies each patch to a copy of the checkout, and requires that its test fails by an assertion. */
async function main(numbers: readonly string[]): Promise<void> {
  const all = readMutations()
  const isOf = (number: string) => (mutation: Mutation) => mutation.name.startsWith(`${number}-`)
  const unknown = numbers.filter((number) => !all.some(isOf(number)))
  if (unknown.length > 0) {
    console.error(`Unknown: ${unknown.join(', ')}. A number selects the patches of ${folder} that begin with it.`)
    process.exitCode = 1
    return
  }
  const mutations = all.filter((mutation) => numbers.length === 0 || numbers.some((number) => isOf(number)(mutation)))
  const copy = await copyCheckout()
  try {
    const unchanged = new Map<string, ReadonlyMap<string, Result>>()
    for (const { name, path, undoes, file, test } of mutations) {
      const before = unchanged.get(file) ?? (await runTests(copy, file))
      unchanged.set(file, before)
      await run('git', ['apply', path], { cwd: copy })
      const after = await runTests(copy, file)
      await run('git', ['apply', '--reverse', path], { cwd: copy })
      const status = before.get(test)?.status
      const reason = status === 'passed' ? objection(after.get(test)) : `without the patch the test has ${status}`
      console.log(
        `${reason ? 'NOT DETECTED' : 'detected'}  ${name}: ${undoes}${reason ? `\n  ${test}: ${reason}` : ''}`,
      )
      if (reason) process.exitCode = 1
    }
    console.log(`${mutations.length} mutations`)
  } finally {
    rmSync(copy, { recursive: true })
  }
}

if (import.meta.main) await main(process.argv.slice(2))
