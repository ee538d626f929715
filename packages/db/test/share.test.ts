import { describe, expect, it } from 'vitest'
import { share } from '../src/share.ts'

/** Work whose ends the test decides; each result is the number of the work. */
function controlled() {
  const begun: { key: string; deadline: number; finish: () => void; fail: () => void }[] = []
  const shared = share<number>((key, deadline) => {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const number = begun.length
    begun.push({ key, deadline, finish: () => resolve(number), fail: () => reject(new Error('broken')) })
    return promise
  }, 1000)
  return { begun, shared }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('share', () => {
  it('begins at once for a lone call', () => {
    const { begun, shared } = controlled()
    shared('a')
    expect(begun).toHaveLength(1)
  })

  it('never gives a call the result of work that began before it', async () => {
    const { begun, shared } = controlled()
    const first = shared('a')
    const later = [shared('a'), shared('a'), shared('a')]
    expect(begun).toHaveLength(1)
    begun[0]?.finish()
    expect(await first).toBe(0)
    await turn()
    expect(begun).toHaveLength(2)
    const last = shared('a')
    begun[1]?.finish()
    expect(await Promise.all(later)).toEqual([1, 1, 1])
    await turn()
    begun[2]?.finish()
    expect(await last).toBe(2)
  })

  it('keeps different keys apart', async () => {
    const { begun, shared } = controlled()
    const both = [shared('a'), shared('b')]
    expect(begun.map(({ key }) => key)).toEqual(['a', 'b'])
    for (const { finish } of begun) finish()
    expect(await Promise.all(both)).toEqual([0, 1])
  })

  it('goes on after a failure, which only those who shared it see', async () => {
    const { begun, shared } = controlled()
    const first = shared('a')
    const second = shared('a')
    begun[0]?.fail()
    await expect(first).rejects.toThrow('broken')
    await turn()
    begun[1]?.finish()
    expect(await second).toBe(1)
  })

  it('gives the shared work the deadline of who waited longest', async () => {
    const { begun, shared } = controlled()
    shared('a')
    const asked = performance.now()
    shared('a')
    await new Promise((resolve) => setTimeout(resolve, 50))
    shared('a')
    begun[0]?.finish()
    await turn()
    expect(begun[1]?.deadline).toBeLessThan(asked + 1010)
  })
})
