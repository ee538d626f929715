import { describe, expect, it } from 'vitest'
import { describeMachine, type Machine, measureMachine, medianWriteMs, unfitReasons } from '../src/machine.ts'

const machine: Machine = {
  cpus: 2,
  cpu: 'EPYC',
  busyPercent: 3,
  schedulingDelayMs: 1,
  calculationMs: 90,
  writeMs: 4.4,
}

describe('measureMachine', () => {
  it('measures plausible values', async () => {
    const { cpus, busyPercent, schedulingDelayMs, calculationMs } = await measureMachine(200)
    expect(cpus).toBeGreaterThan(0)
    expect(busyPercent).toBeGreaterThanOrEqual(0)
    expect(busyPercent).toBeLessThanOrEqual(100)
    expect(schedulingDelayMs).toBeGreaterThanOrEqual(0)
    expect(calculationMs).toBeGreaterThan(0)
  })
})

describe('medianWriteMs', () => {
  const write = () => ({ method: 'GET', path: '/' }) as const

  it('fails when a write is not acknowledged', async () => {
    const workload = { write, acknowledged: () => undefined }
    await expect(medianWriteMs(async () => ({ status: 503, body: '' }), workload)).rejects.toThrow('not acknowledged')
  })

  it('sends one write at a time', async () => {
    let inFlight = 0
    const send = async () => {
      inFlight += 1
      await new Promise(setImmediate)
      expect(inFlight).toBe(1)
      inFlight -= 1
      return { status: 200, body: '' }
    }
    const median = await medianWriteMs(send, { write, acknowledged: () => ({ from: 0, to: 0 }) })
    expect(median).toBeGreaterThanOrEqual(0)
  })
})

describe('unfitReasons', () => {
  it('has none for a fast and quiet machine', () => {
    expect(unfitReasons(machine)).toEqual([])
  })

  it('names every value that exceeds its limit', () => {
    expect(unfitReasons({ ...machine, busyPercent: 50, writeMs: 250.5 })).toEqual([
      'too busy: CPU use of other processes 50 % (limit 20 %)',
      'too slow: one write 250.5 ms (limit 100 ms)',
    ])
  })
})

describe('describeMachine', () => {
  it('has every value with its unit', () => {
    expect(describeMachine(machine)).toBe(
      '2 × EPYC, CPU use of other processes 3 %, scheduling delay 1 ms, calculation 90 ms, one write 4.4 ms',
    )
  })
})
