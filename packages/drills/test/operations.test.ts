import { describe, expect, it } from 'vitest'
import { drawOperations, type Operation, seedFile, shrink } from '../src/operations.ts'

const commands = (sequence: readonly Operation[]) => sequence.map(({ command }) => command)
const numbered = (count: number) => Array.from({ length: count }, (_, index) => ({ command: String(index) }))

describe('drawOperations', () => {
  it('draws the same sequence for the same seed, and another for another', () => {
    expect(drawOperations(1, 25)).toEqual(drawOperations(1, 25))
    expect(drawOperations(2, 25)).not.toEqual(drawOperations(1, 25))
    expect(drawOperations(1, 25).slice(0, 10)).toEqual(drawOperations(1, 10))
  })

  it('draws every operation sooner or later', () => {
    const drawn = new Set(commands(drawOperations(1, 2000)))
    expect(drawn.size).toBe(26)
    for (const text of [
      'stop db-writer',
      'kill db-reader',
      'freeze db-writer',
      'db-epoch',
      'crash app',
      'rejoin',
      'restore',
    ]) {
      expect([...drawn].filter((command) => command.includes(text))).not.toEqual([])
    }
  })
})

describe('seedFile', () => {
  it('is another one for each resource and each seed', () => {
    const files = ['times', 'tickets'].flatMap((resource) => [1, 2].map((seed) => seedFile(resource, seed)))
    expect(new Set(files).size).toBe(4)
  })
})

describe('shrink', () => {
  it('finds the operations that a failure needs', async () => {
    const fails = async (sequence: readonly Operation[]) =>
      ['2', '3'].every((each) => commands(sequence).includes(each))
    expect(commands(await shrink(numbered(8), fails))).toEqual(['2', '3'])
  })

  it('replays at most ten times', async () => {
    let replays = 0
    await shrink(numbered(100), async () => {
      replays += 1
      return false
    })
    expect(replays).toBe(10)
  })
})
