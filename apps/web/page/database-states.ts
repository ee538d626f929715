import type { Schemas } from './api-types.ts'

export type State = 'up' | 'down' | 'unknown' | 'none'

type Described = readonly [state: State, detail: string]

/** The state of both databases, and what each does for requests. */
export function databaseStates({ writer, reader, hasReader, readsFrom, readerLagMs, durability }: Schemas['Status']): {
  readonly writer: Described
  readonly reader: Described
} {
  const onWriter = readsFrom === 'writer' ? 'writes and reads' : 'writes'
  const machines = durability?.copies === 'one' ? ', on one machine' : ''
  if (!hasReader) {
    const failing = reader === 'failed' ? 'writes and reads fail' : 'writes fail'
    return {
      writer: writer === 'ok' ? ['up', `${onWriter}${machines}`] : ['down', failing],
      reader: ['none', 'writer serves reads'],
    }
  }
  const unavailable = readsFrom === 'writer' && writer === 'ok' ? 'writer serves reads' : 'reads fail'
  return {
    writer: writer === 'ok' ? ['up', onWriter] : ['down', 'writes fail'],
    reader: reader === 'ok' ? ['up', lag(readerLagMs)] : ['down', unavailable],
  }
}

function lag(ms: number | null): string {
  if (ms === null) return 'lag unknown'
  return ms < 1000 ? `lag ${ms} ms` : `lag ${(ms / 1000).toFixed(1)} s`
}
