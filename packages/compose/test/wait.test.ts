import { expect, it } from 'vitest'
import { waitFor } from '../src/index.ts'

it('resolves with the first truthy result, after errors and falsy results', async () => {
  let tries = 0
  const condition = async () => {
    tries += 1
    if (tries === 1) throw new Error('not yet')
    return tries === 3 ? 'ready' : ''
  }
  expect(await waitFor('the third try', condition, { intervalMs: 1 })).toBe('ready')
})

it('rejects after the timeout, with the last error as its cause', async () => {
  const cause = new Error('never')
  const waiting = waitFor('something', () => Promise.reject(cause), { timeoutMs: 5, intervalMs: 1 })
  await expect(waiting).rejects.toMatchObject({ message: 'Timed out after 0.005 s: something', cause })
})
