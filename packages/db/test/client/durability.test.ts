import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Connection } from '../../src/client/connection.ts'
import { createDurabilityMonitor, durabilityOf } from '../../src/client/durability.ts'

const rows = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).map(([name, Value]) => ({ Variable_name: `Rpl_semi_sync_source_${name}`, Value }))

describe('the copies of an acknowledged write', () => {
  it.each([
    ['two while semi-synchronous replication is on', 'two', { status: 'ON', clients: '1' }],
    ['one while it is off, though a reader is connected', 'one', { status: 'OFF', clients: '1' }],
    ['one while no reader is connected', 'one', { status: 'ON', clients: '0' }],
    ['one without semi-synchronous replication', 'one', {}],
  ])('are %s', (_when, copies, values) => {
    expect(durabilityOf(rows(values), false).copies).toBe(copies)
  })

  it('are managed on Aurora', () => {
    expect(durabilityOf([], true)).toEqual({ copies: 'managed', transactions: { one: 0, two: 0 } })
  })
})

it('counts the transactions of each', () => {
  expect(durabilityOf(rows({ no_tx: '3', yes_tx: '40' }), false).transactions).toEqual({ one: 3, two: 40 })
})

describe('the time of the last change', () => {
  afterEach(() => vi.useRealTimers())

  it('is when the number of copies was first measured, not the transactions', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    let status = { status: 'ON', clients: '1', no_tx: '0' }
    const monitor = createDurabilityMonitor(async () => durabilityOf(rows(status), false))
    const measureAt = async (second: number) => {
      vi.setSystemTime(second * 1000)
      await monitor.measure({} as Connection)
      return monitor.latest()
    }
    expect(monitor.latest()).toBeUndefined()
    expect(await measureAt(1)).toMatchObject({ copies: 'two', since: new Date(1000) })
    status = { ...status, status: 'OFF', no_tx: '1' }
    expect(await measureAt(2)).toMatchObject({ copies: 'one', since: new Date(2000), transactions: { one: 1 } })
    status = { ...status, no_tx: '5' }
    expect(await measureAt(3)).toMatchObject({ copies: 'one', since: new Date(2000), transactions: { one: 5 } })
  })
})
