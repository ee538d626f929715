import { describe, expect, it } from 'vitest'
import { answeredInTime, atLeast, atMost, outages, recoveryChecks, recoveryTime } from '../src/drill.ts'
import type { Attempt } from '../src/load.ts'
import { resultOf } from '../src/results-table.ts'

/** Reads that were sent at these seconds, and took 100 ms. */
const reads = (outcome: Attempt['outcome'], ...seconds: number[]): Attempt[] =>
  seconds.map((second) => {
    const sentAt = second * 1000
    return { kind: 'read', plannedAt: sentAt, sentAt, endedAt: sentAt + 100, outcome, detail: '503' }
  })

describe('recoveryTime', () => {
  it('lasts until the last request that failed', () => {
    const attempts = [...reads('refused', 1, 4), ...reads('succeeded', 2, 6)]
    expect(recoveryTime(attempts, 1500)).toBe(2.5)
  })

  it('is 0 when all failures were before', () => {
    expect(recoveryTime(reads('unanswered', 1), 1500)).toBe(0)
    expect(recoveryTime([], 0)).toBe(0)
  })
})

describe('recoveryChecks', () => {
  it('has a bound on time, and one that holds on any machine', () => {
    const checks = recoveryChecks('recovery time', 2, { attempts: reads('refused', 9), since: 0, recovered: true })
    expect(checks.map(({ ok, timeBound }) => ({ ok, timeBound }))).toEqual([
      { ok: true, timeBound: false },
      { ok: false, timeBound: true },
    ])
  })

  it('is broken on any machine when the service does not recover', () => {
    const checks = recoveryChecks('recovery time', 2, { attempts: [], since: 0, recovered: false })
    expect(checks.filter(({ timeBound }) => !timeBound)).toMatchObject([{ promise: 'recovered', ok: false }])
  })
})

describe('outages', () => {
  it('says how many requests failed, how, and when', () => {
    const attempts = [...reads('refused', 10, 10.5, 13), ...reads('succeeded', 14)]
    expect(outages(attempts)).toBe(' (of 4: 3 × 503; failures at 0.0-0.5 s, 3.0-3.0 s)')
  })

  it('is empty without a failure', () => {
    expect(outages(reads('succeeded', 1))).toBe('')
  })
})

describe('a check', () => {
  it('compares a figure with its bound', () => {
    expect(atMost('lost', 0, 1)).toMatchObject({ bound: 'none', measured: '1', ok: false })
    expect(atMost('memory', 64, 64, 'MiB')).toMatchObject({ bound: '≤ 64 MiB', measured: '64 MiB', ok: true })
    expect(atLeast('goodput', 80, 79.5, '%')).toMatchObject({ bound: '≥ 80 %', measured: '79.50 %', ok: false })
  })

  it('that bounds a time is judged only where times are judged', () => {
    const slow = answeredInTime([{ ...reads('succeeded', 1)[0], endedAt: 9000 } as Attempt])
    expect(resultOf(slow, true)).toBe('BROKEN')
    expect(resultOf(slow, false)).toBe('not judged')
    expect(resultOf(atMost('lost', 0, 1), false)).toBe('BROKEN')
  })
})
