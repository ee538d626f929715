import { describe, expect, it } from 'vitest'
import { type Database, type DatabaseState, describeLack, describeOutage } from '../src/databases.ts'

const state = (mode: string, current?: Database, reason = ''): DatabaseState => ({
  mode,
  reason,
  current,
  epoch: 1,
  oneCopy: undefined,
  dataEpoch: 1,
  setAside: [],
})
const stopped = state('stopped')
const hanging = (current: Database) => state('unresponsive', current)

/** The advice for these servers, of which these run. */
const advice = (writer: DatabaseState, reader: DatabaseState, ...running: readonly Database[]) =>
  describeOutage({ 'db-writer': writer, 'db-reader': reader }, (database) => running.includes(database))

describe('describeLack', () => {
  it('names the server that may lack what the other has acknowledged alone', () => {
    const oneCopy = { server: 'db-writer', since: '2026-11-22T09:30:00Z' } as const
    const replica = { ...state('replica', 'db-writer'), oneCopy }
    expect(describeLack('db-reader', replica)).toBe(
      'db-reader may lack what db-writer has acknowledged since 2026-11-22T09:30:00Z',
    )
    expect(describeLack('db-writer', replica)).toBe('')
    expect(describeLack('db-reader', state('replica', 'db-writer'))).toBe('')
  })
})

describe('describeOutage', () => {
  it('has nothing to say while a server accepts writes, starts, or says itself what it needs', () => {
    expect(advice(state('writable', 'db-writer'), stopped, 'db-writer')).toBe('')
    expect(advice(state('starting', 'db-writer'), state('replica', 'db-writer'), 'db-writer', 'db-reader')).toBe('')
    expect(advice(state('waiting', 'db-reader', 'npm run rejoin'), stopped, 'db-writer')).toBe('')
  })

  it('names the command for a current server that does not run', () => {
    expect(advice(stopped, state('replica', 'db-writer'), 'db-reader')).toContain(
      'db-writer, the current writer, is not',
    )
    expect(advice(stopped, state('replica', 'db-writer'), 'db-reader')).toContain('npm start')
    expect(advice(stopped, stopped)).toContain('npm start')
  })

  it.each([
    { silent: 'db-writer', running: 'db-reader' },
    { silent: 'db-reader', running: 'db-writer' },
  ] as const)('names the command for $silent while none is current and the other waits for it', (servers) => {
    const waiting = state('waiting', undefined, 'No server is current yet')
    const states = servers.silent === 'db-writer' ? ([stopped, waiting] as const) : ([waiting, stopped] as const)
    expect(advice(...states, servers.running)).toBe(`${servers.silent} is not running. To start it: npm start`)
    const hangs = advice(...states, servers.running, servers.silent)
    expect(hangs).toBe(`${servers.silent} does not respond. To restart it: docker compose restart ${servers.silent}`)
  })

  it('names the command also for two servers that both hang', () => {
    expect(advice(stopped, stopped, 'db-writer', 'db-reader')).toBe(
      'No database responds. To restart them: docker compose restart db-writer db-reader',
    )
  })

  it('names the command for a current server that hangs', () => {
    const replica = state('replica', 'db-writer')
    for (const writer of [stopped, hanging('db-writer')]) {
      expect(advice(writer, replica, 'db-writer', 'db-reader')).toContain('docker compose restart db-writer')
    }
    // The other server waits for what needs the current one.
    const waiting = state('waiting', 'db-reader', 'npm run rejoin')
    expect(advice(waiting, hanging('db-reader'), 'db-writer', 'db-reader')).toBe(
      'db-reader, the current writer, does not respond. To restart it: docker compose restart db-reader',
    )
    // A reader that hangs needs nothing for writes.
    expect(advice(state('writable', 'db-writer'), hanging('db-writer'), 'db-writer', 'db-reader')).toBe('')
  })
})
