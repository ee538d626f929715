import { execFile } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { copyCheckout } from '@repo/compose/testing'
import { afterAll, beforeAll, describe, it } from 'vitest'

const folders = ['apps/app/src/resources/times', 'apps/web/page/times', 'packages/drills/src/workloads/times.ts']

/** By file: the lines that register the times. */
const registrations: Readonly<Record<string, readonly RegExp[]>> = {
  'apps/app/src/resources/index.ts': [/^import \{ times \}.*\n/m, /^ {2}times,\n/m],
  'apps/web/page/main.ts': [/^import \{ setUpTimes \}.*\n/m, /^resources\.push\(setUpTimes\(.*\n/m],
  'packages/drills/src/workloads/index.ts': [/^import \{ times \}.*\n/m, /^ {2}times,\n/m],
}

let copy: string

/** @throws with both outputs of a command that fails. */
async function run(command: string, ...args: string[]): Promise<void> {
  await promisify(execFile)(command, args, { cwd: copy, maxBuffer: 64 * 1024 ** 2 }).catch(
    ({ message, stdout, stderr }) => {
      throw new Error(`${message}\n${stdout}${stderr}`)
    },
  )
}

const tool = (name: string, ...args: string[]) => run(join(copy, 'node_modules/.bin', name), ...args)

beforeAll(async () => {
  copy = await copyCheckout()
  for (const folder of folders) await rm(join(copy, folder), { recursive: true })
  for (const [file, lines] of Object.entries(registrations)) {
    let text = await readFile(join(copy, file), 'utf8')
    for (const line of lines) {
      if (!line.test(text)) throw new Error(`${file} has no line ${line}`)
      text = text.replace(line, '')
    }
    await writeFile(join(copy, file), text)
  }
  for (const file of ['openapi', 'configuration']) await run(process.execPath, `apps/app/generate/${file}.ts`)
  // Some tests and tools read the index.
  await run('git', 'init', '--quiet')
  await run('git', 'add', '--all')
})
afterAll(() => rm(copy, { recursive: true, force: true }))

describe('without the resource times, the repository', () => {
  it('passes lint', async () => {
    await tool('biome', 'check')
    await tool('knip')
  })

  it('passes the type checks', () => run('npm', 'run', 'typecheck', '--workspaces', '--if-present'))

  it('passes the unit tests', () => tool('vitest', 'run', '--project', 'unit'))
})
