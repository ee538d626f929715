import { describe, expect, it } from 'vitest'
import { judge } from '../src/judge.ts'
import type { Attempt } from '../src/load.ts'

const second = Date.UTC(2026, 10, 22, 9, 33, 53)

/** A write that was sent and ended at these milliseconds of 09:33:53. */
const write = (outcome: Attempt['outcome'], sent: number, ended: number, detail = '2026-11-22 09:33:53'): Attempt => ({
  kind: 'write',
  plannedAt: second + sent,
  sentAt: second + sent,
  endedAt: second + ended,
  outcome,
  detail,
})
const row = (ms: number) => second + ms

describe('judge', () => {
  it('finds nothing when each acknowledged write has its row', () => {
    const verdict = judge([write('acked', 100, 120), write('acked', 110, 130)], [row(119), row(112)])
    expect(verdict).toEqual({ attempted: 2, acked: 2, stored: 2, lost: 0, surplus: 0 })
  })

  it('finds an acknowledged write without a row, though another write left one at the time', () => {
    const attempts = [write('acked', 100, 120), write('acked', 105, 120), write('refused', 500, 520)]
    expect(judge(attempts, [row(110), row(510)])).toMatchObject({ lost: 1, surplus: 0 })
  })

  it('finds the second row of an acknowledged write', () => {
    expect(judge([write('acked', 100, 120)], [row(110), row(110)])).toMatchObject({ lost: 0, surplus: 1 })
  })

  it('finds a row that nobody asked for', () => {
    expect(judge([write('acked', 100, 120)], [row(110), row(700)])).toMatchObject({ lost: 0, surplus: 1 })
  })

  it('lets a refused or unanswered write have a row or none', () => {
    const attempts = [write('refused', 100, 120), write('open', 200, 220)]
    expect(judge(attempts, [])).toMatchObject({ lost: 0, surplus: 0 })
    expect(judge(attempts, [row(110), row(5000)])).toMatchObject({ lost: 0, surplus: 0 })
    expect(judge(attempts, [row(130), row(5000)])).toMatchObject({ surplus: 1 })
    expect(judge(attempts, [row(110), row(111), row(190)])).toMatchObject({ surplus: 2 })
  })

  it('takes the acknowledged second at its word', () => {
    const attempts = [write('acked', 900, 1100, '2026-11-22 09:33:54')]
    expect(judge(attempts, [row(950)])).toMatchObject({ lost: 1, surplus: 1 })
    expect(judge(attempts, [row(1050)])).toMatchObject({ lost: 0, surplus: 0 })
  })

  it('ignores reads', () => {
    expect(judge([{ ...write('acked', 1, 2), kind: 'read' }], [])).toMatchObject({ attempted: 0, acked: 0 })
  })

  it('gives crowded spans their rows so that all of them get one, if that can be', () => {
    const attempts = [write('acked', 0, 900), write('acked', 0, 100), write('acked', 50, 60), write('refused', 0, 999)]
    expect(judge(attempts, [row(55), row(90), row(800), row(950)])).toMatchObject({ lost: 0, surplus: 0 })
    expect(judge(attempts, [row(55), row(56), row(57), row(950)])).toMatchObject({ lost: 0, surplus: 0 })
    expect(judge(attempts, [row(61), row(62), row(63), row(950)])).toMatchObject({ lost: 1, surplus: 1 })
  })
})
