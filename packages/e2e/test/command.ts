import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { repositoryRoot } from '@repo/compose'
import { expect } from 'vitest'

/** A command of packages/ops that runs. */
export interface Command {
  readonly child: ChildProcess
  /** Both outputs so far, without escape codes. */
  output(): string
  /** Waits until it ends. */
  result(): Promise<{ readonly code: number | null; readonly output: string }>
}

/** Starts a command of packages/ops; the caller ends it. */
export function startCommand(
  script: string,
  args: readonly string[],
  { env, root = repositoryRoot }: { readonly env: Readonly<Record<string, string>>; readonly root?: string },
): Command {
  const child = spawn(process.execPath, [join(root, 'packages/ops/src', script), ...args], {
    env: { ...process.env, ...env },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  const exit = once(child, 'close')
  const cleanOutput = () => stripVTControlCharacters(output)
  return {
    child,
    output: cleanOutput,
    result: async () => ({ code: (await exit)[0], output: cleanOutput() }),
  }
}

/** A result without an error: the comparison shows what a command that failed has printed. */
export const succeeded = { code: 0, output: expect.any(String) }
