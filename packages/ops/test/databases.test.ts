import { describe, expect, it } from 'vitest'
import { type Database, type DatabaseState, describeOutage } from '../src/databases.ts'

const state = (mode: string, current?: Database, reason = ''): DatabaseState => ({
  mode,
  reason,
  current,
  epoch: 1,
  dataEpoch: 1,
  setAside: [],
})
const stopped = state('stopped')

/** The advice for these servers, of which these run. */
const advice = (writer: DatabaseState, reader: DatabaseState, ...running: readonly Database[]) =>
  describeOutage({ 'db-writer': writer, 'db-reader': reader }, (database) => running.includes(database))

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

  it('names the command for a current server that hangs', () => {
    const hangs = advice(stopped, state('replica', 'db-writer'), 'db-writer', 'db-reader')
    expect(hangs).toContain('docker compose restart db-writer')
  })
})
