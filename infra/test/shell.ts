import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Runs `docker` and gives what it prints. @throws with its own complaint. */
export async function docker(...args: readonly string[]): Promise<string> {
  const { stdout } = await run('docker', args, { maxBuffer: 64 * 1024 ** 2 })
  return stdout.trim()
}

/** Asks again until `ask` gives something, at most for `seconds`. @throws the last failure, or that there was no answer. */
export async function eventually<T>(seconds: number, ask: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    let failure: unknown = new Error(`no answer within ${seconds} s: ${ask}`)
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer
    } catch (error) {
      failure = error
    }
    if (Date.now() > deadline) throw failure
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
