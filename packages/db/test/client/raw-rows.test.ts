import mysql from 'mysql2'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { checkDriver, type Driver } from '../../src/client/raw-rows.ts'
import { createDatabaseClient } from '../../src/index.ts'

type State = (
  this: unknown,
  packet: { buffer: Buffer; offset: number; isEOF(): boolean },
  connection: unknown,
) => unknown

const driver = mysql as unknown as Driver
/** The states of the driver's command. */
const states: Record<string, State> = Object.getPrototypeOf(driver.createQuery('', [], () => {}, {}))

/** Puts another state in the place of one. */
function change(name: string, changed: (original: State) => State): void {
  const original = states[name] as State
  vi.spyOn(states, name).mockImplementation(changed(original))
}

afterEach(() => vi.restoreAllMocks())

describe('checkDriver', () => {
  it('accepts the installed driver', () => {
    checkDriver()
  })

  it('fails when the driver reads rows in another state', () => {
    const { row = expect.unreachable } = states
    change('fieldsEOF', () => () => row)
    expect(() => checkDriver()).toThrow('mysql2 has changed inside: raw-rows.ts')
  })

  it('fails when the driver gives packets of another form', () => {
    change(
      'fieldsEOF',
      (original) =>
        function (this, packet, connection) {
          const row = original.call(this, packet, connection) as State
          return function wrapped(this: unknown, { buffer, offset, isEOF }: Parameters<State>[0], to: unknown) {
            const end = isEOF.call({ buffer, offset, length: () => 9 })
            return row.call(this, { buffer, offset: end ? offset : offset - 4, isEOF: () => end }, to) && wrapped
          }
        },
    )
    expect(() => checkDriver()).toThrow('mysql2 has changed inside')
  })

  it('fails when a command begins in another state', () => {
    change('start', () => () => states.readField)
    expect(() => checkDriver()).toThrow('mysql2 has changed inside')
  })

  it.each([
    ['cannot make a command', {}],
    ['makes a command without states', { createQuery: () => ({}) }],
  ])('fails when the driver %s', (_what, changed) => {
    expect(() => checkDriver(changed as Driver)).toThrow('mysql2 has changed inside')
  })
})

it('keeps a client from being created for a driver that has changed', () => {
  change('start', () => () => states.readField)
  const endpoint = { host: '127.0.0.2', port: 1 }
  const options = {
    writer: endpoint,
    reader: endpoint,
    user: 'app',
    password: async () => '',
    database: 'testdb',
    writerConnections: 1,
    readerConnections: 1,
    fallbackConnections: 1,
    connectionQueueLimit: 1,
    connectTimeoutMs: 1000,
    maxLifetimeMs: 60_000,
    readerLagLimitMs: 5000,
    deadlineMs: 2000,
  }
  expect(() => createDatabaseClient(options)).toThrow('mysql2 has changed inside')
})
