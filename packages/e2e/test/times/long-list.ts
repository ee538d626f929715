import { docker } from '@repo/compose'
import { expect } from 'vitest'
import { topology } from '../topology.ts'
import { insertTimes, removeTimes } from './times.ts'

/** Checks that a list of `count` times arrives complete and in order, while no app's memory grows by 64 MiB. */
export async function expectLongList(count: number): Promise<void> {
  await removeTimes()
  await insertTimes(count, 0)
  const before = await peakMemory()
  const response = await fetch(`${topology.url}/read`)
  let bytes = 0
  let rows = 0
  let misplaced = 0
  let previous = ''
  let rest = ''
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    const lines = (rest + Buffer.from(chunk).toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines.filter((text) => text !== '[')) {
      if (line < previous) misplaced += 1
      previous = line
      rows += 1
    }
  }
  expect(rest).toBe(']')
  expect(rows).toBe(count)
  expect(misplaced).toBe(0)
  // "[\n", then `  "2000-01-01 00:00:00",\n` per row, the last one without the comma, and "]".
  expect(bytes).toBe(2 + count * 25 - 1 + 1)
  const after = await peakMemory()
  after.forEach((peak, at) => {
    expect(peak - Number(before[at])).toBeLessThan(64)
  })
}

/** The largest resident memory of each app so far, in MiB. */
async function peakMemory(): Promise<number[]> {
  const ids = await topology.containers('app')
  const statuses = await Promise.all(ids.map((id) => docker(['exec', id, 'cat', '/proc/1/status'])))
  return statuses.map((status) => Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024)
}
