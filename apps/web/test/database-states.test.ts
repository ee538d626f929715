import { describe, expect, it } from 'vitest'
import type { Schemas } from '../page/api-types.ts'
import { databaseStates } from '../page/database-states.ts'

type Status = Schemas['Status']

function shown(changes: object): readonly string[] {
  const status = { writer: 'ok', reader: 'ok', hasReader: true, readsFrom: 'reader', readerLagMs: 0, durability: null }
  const { writer, reader } = databaseStates({ ...status, ...changes } as Status)
  return [writer.join(': '), reader.join(': ')]
}

const oneCopy = { copies: 'one', since: '2026-11-22T09:33:53Z', transactionsOnOne: 1 }

describe('the databases on the page', () => {
  it.each([
    [{}, 'up: writes', 'up: lag 0 ms'],
    [{ readerLagMs: 1500, durability: oneCopy }, 'up: writes', 'up: lag 1.5 s'],
    [{ readsFrom: 'writer' }, 'up: writes and reads', 'up: lag 0 ms'],
    [{ reader: 'failed', readsFrom: 'writer' }, 'up: writes and reads', 'down: writer serves reads'],
    [{ writer: 'failed', readerLagMs: null }, 'down: writes fail', 'up: lag unknown'],
    [{ writer: 'failed', reader: 'failed', readsFrom: 'writer' }, 'down: writes fail', 'down: reads fail'],
  ])('are two: %j', (status, ...states) => {
    expect(shown(status)).toEqual(states)
  })

  it.each([
    [{ durability: oneCopy }, 'up: writes and reads, on one machine', 'none: writer serves reads'],
    [{}, 'up: writes and reads', 'none: writer serves reads'],
    [{ writer: 'failed' }, 'down: writes fail', 'none: writer serves reads'],
    [{ writer: 'failed', reader: 'failed' }, 'down: writes and reads fail', 'none: writer serves reads'],
  ])('are one: %j', (status, ...states) => {
    expect(shown({ hasReader: false, readsFrom: 'writer', readerLagMs: null, ...status })).toEqual(states)
  })
})
