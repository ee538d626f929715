import { describe, expect, it } from 'vitest'
import { listedMissing, listedSurplus, verifyDurability } from '../src/durability.ts'
import type { Attempt } from '../src/load.ts'

const second = Date.UTC(2026, 10, 22, 9, 33, 53)

/** A row stored at a millisecond of 09:33:53. */
const row = (ms: number) => second + ms

/** A write that was sent and ended at milliseconds of 09:33:53; what is acknowledged begins at `acknowledgedFrom`. */
const write = (outcome: Attempt['outcome'], sent: number, ended: number, acknowledgedFrom = 0): Attempt => ({
  kind: 'write',
  plannedAt: row(sent),
  sentAt: row(sent),
  endedAt: row(ended),
  outcome,
  detail: '',
  ...(outcome === 'succeeded' && { acknowledged: { from: row(acknowledgedFrom), to: row(acknowledgedFrom + 999) } }),
})

describe('verifyDurability', () => {
  it('reports nothing when each acknowledged write has its row', () => {
    const attempts = [write('succeeded', 100, 120), write('succeeded', 110, 130)]
    const expected = { attempted: 2, acknowledged: 2, stored: 2, lost: 0, surplus: 0 }
    expect(verifyDurability(attempts, [row(119), row(112)])).toEqual(expected)
  })

  it('finds an acknowledged write without a row, though another write stored one at the time', () => {
    const attempts = [write('succeeded', 100, 120), write('succeeded', 105, 120), write('refused', 500, 520)]
    expect(verifyDurability(attempts, [row(110), row(510)])).toMatchObject({ lost: 1, surplus: 0 })
  })

  it('finds the second row of an acknowledged write', () => {
    const attempts = [write('succeeded', 100, 120)]
    expect(verifyDurability(attempts, [row(110), row(110)])).toMatchObject({ lost: 0, surplus: 1 })
  })

  it('finds a row that no request stored', () => {
    const attempts = [write('succeeded', 100, 120)]
    expect(verifyDurability(attempts, [row(110), row(700)])).toMatchObject({ lost: 0, surplus: 1 })
  })

  it('accepts a refused or unanswered write with or without a row', () => {
    const attempts = [write('refused', 100, 120), write('unanswered', 200, 220)]
    expect(verifyDurability(attempts, [])).toMatchObject({ lost: 0, surplus: 0 })
    expect(verifyDurability(attempts, [row(110), row(5000)])).toMatchObject({ lost: 0, surplus: 0 })
    expect(verifyDurability(attempts, [row(130), row(5000)])).toMatchObject({ surplus: 1 })
    expect(verifyDurability(attempts, [row(110), row(111), row(190)])).toMatchObject({ surplus: 2 })
  })

  it('requires the row of an acknowledged write to be within what was acknowledged', () => {
    const attempts = [write('succeeded', 900, 1100, 1000)]
    expect(verifyDurability(attempts, [row(950)])).toMatchObject({ lost: 1, surplus: 1 })
    expect(verifyDurability(attempts, [row(1050)])).toMatchObject({ lost: 0, surplus: 0 })
  })

  it('ignores reads', () => {
    const read: Attempt = { ...write('succeeded', 1, 2), kind: 'read' }
    expect(verifyDurability([read], [])).toMatchObject({ attempted: 0, acknowledged: 0 })
  })

  it('assigns rows to overlapping writes so that each gets one, if that is possible', () => {
    const attempts = [
      write('succeeded', 0, 900),
      write('succeeded', 0, 100),
      write('succeeded', 50, 60),
      write('refused', 0, 999),
    ]
    const verify = (...stored: number[]) => verifyDurability(attempts, stored.map(row))
    expect(verify(55, 90, 800, 950)).toMatchObject({ lost: 0, surplus: 0 })
    expect(verify(55, 56, 57, 950)).toMatchObject({ lost: 0, surplus: 0 })
    expect(verify(61, 62, 63, 950)).toMatchObject({ lost: 1, surplus: 1 })
  })
})

describe('listedMissing', () => {
  it('counts acknowledged writes without a row of their own', () => {
    const attempts = [write('succeeded', 0, 900), write('succeeded', 0, 900), write('refused', 0, 900)]
    expect(listedMissing(attempts, [row(999), row(999)])).toBe(0)
    expect(listedMissing(attempts, [row(999)])).toBe(1)
    expect(listedMissing(attempts, [row(1999), row(1999)])).toBe(2)
  })
})

describe('listedSurplus', () => {
  it('counts rows without a write of their own', () => {
    const attempts = [write('succeeded', 100, 900)]
    expect(listedSurplus(attempts, [], [row(999)])).toBe(0)
    expect(listedSurplus(attempts, [], [row(999), row(999)])).toBe(1)
  })

  it('counts a write without an answer as one that may be stored at any time since', () => {
    expect(listedSurplus([], [row(100)], [row(99_999)])).toBe(0)
    expect(listedSurplus([], [row(100)], [row(99)])).toBe(1)
  })
})
