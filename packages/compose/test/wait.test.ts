import { expect, it } from 'vitest'
import { waitFor } from '../src/index.ts'

it('resolves with the first truthy result, and takes an error as not yet', async () => {
  let tries = 0
  const condition = async () => {
    tries += 1
    if (tries === 1) throw new Error('not yet')
    return tries === 3 ? 'ready' : ''
  }
  expect(await waitFor('the third try', condition, { intervalMs: 1 })).toBe('ready')
})

it('fails when the condition does not hold in time, with the last reason', async () => {
  const cause = new Error('never')
  const waiting = waitFor('something', () => Promise.reject(cause), { timeoutMs: 5, intervalMs: 1 })
  await expect(waiting).rejects.toMatchObject({ message: 'not within 0.005 s: something', cause })
})
