import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { copyCheckout } from '@repo/compose/testing'
import { afterAll, beforeAll, expect } from 'vitest'
import { read } from './documents.ts'

const guide = read('docs/make-it-yours.md')
/** A section of the guide. */
const section = (title: string) => guide.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? ''
let copy = ''

/** A path in the copy. */
export const path = (file: string): string => join(copy, file)

/** Registers the hooks of a file whose tests change a copy of the checkout, one after the other. */
export function useCopy(): void {
  beforeAll(async () => {
    copy = await copyCheckout()
    await commitAnew()
  })
  afterAll(() => rmSync(copy, { recursive: true, force: true }))
}

/** Makes the files of the copy the only commit of a new repository. */
export async function commitAnew(): Promise<void> {
  rmSync(path('.git'), { recursive: true, force: true })
  await inCopy('git', 'init', '--quiet')
  await inCopy('git', 'config', 'user.name', 'test')
  await inCopy('git', 'config', 'user.email', 'test@localhost')
  await commitAll()
}

/** Commits every file of the copy. */
export async function commitAll(): Promise<void> {
  await inCopy('git', 'add', '--all')
  await inCopy('git', 'commit', '--quiet', '--message=test')
}

/** Runs the commands of a section, but those that are for the reader alone. */
export async function follow(title: string): Promise<void> {
  const blocks = [...section(title).matchAll(/(<!-- by hand -->\n)?^```sh\n([\s\S]*?)^```$/gm)]
  const commands = blocks.flatMap(([, byHand, content = '']) => (byHand ? [] : [content]))
  expect(commands.length, title).toBeGreaterThan(0)
  for (const command of commands) await inCopy('bash', '--norc', '-euo', 'pipefail', '-c', command)
}

/** Runs a program in the copy and resolves with its output. @throws everything that it printed. */
export async function inCopy(command: string, ...args: readonly string[]): Promise<string> {
  return promisify(execFile)(command, [...args], { cwd: copy, maxBuffer: 64 * 1024 ** 2 }).then(
    ({ stdout }) => stdout,
    ({ stdout, stderr, message }) => {
      throw new Error(`${message}\n${stdout}${stderr}`)
    },
  )
}

/** Runs a command line with Bash in the copy. */
export const shell = (command: string): Promise<string> => inCopy('bash', '--norc', '-c', command)

/** The files that differ from the last commit of the copy. */
export const changed = async (): Promise<string> =>
  (await inCopy('git', 'status', '--porcelain', '--untracked-files=all')).trim()
