import { DockerError } from '@repo/compose'
import { expect, it } from 'vitest'
import { CliError } from '../src/cli.ts'
import { retry } from '../src/retry.ts'

const failure = new DockerError('docker exec failed', { stdout: '', stderr: '', cause: undefined })

/** Fails with these errors, one at a time, then succeeds with the number of calls. */
function failing(...errors: readonly Error[]) {
  let calls = 0
  return async () => {
    const error = errors[calls]
    calls += 1
    if (error) throw error
    return calls
  }
}

it('repeats work after a failed command, as often as it is told', async () => {
  expect(await retry(failing(failure, failure), { attempts: 3, pauseMs: 1 })).toBe(3)
  await expect(retry(failing(failure, failure), { attempts: 2, pauseMs: 1 })).rejects.toBe(failure)
})

it('repeats work after no other error, unless it is told', async () => {
  const refusal = new CliError('refused')
  await expect(retry(failing(refusal), { pauseMs: 1 })).rejects.toBe(refusal)
  expect(await retry(failing(refusal), { pauseMs: 1, errors: [CliError] })).toBe(2)
})
