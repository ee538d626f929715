import { describe, expect, it } from 'vitest'
import { completeBody, json, type ListFormat, ndjson } from './list-format.ts'

const times = ['2026-11-22 09:33:53', '2026-11-22 09:33:54']

function pageOf(listed: readonly string[], { prefix, suffix }: ListFormat) {
  return { text: Buffer.from(listed.map((time) => prefix + time + suffix).join('')), next: undefined }
}

describe('the body of a list', () => {
  it.each([0, 1, 2])('is what json.dumps(list, indent=2) prints for %d times', (count) => {
    const listed = times.slice(0, count)
    expect(completeBody(pageOf(listed, json), json).toString()).toBe(JSON.stringify(listed, null, 2))
  })

  it.each([0, 1, 2])('is one JSON string per line as x-ndjson for %d times', (count) => {
    const listed = times.slice(0, count)
    expect(completeBody(pageOf(listed, ndjson), ndjson).toString()).toBe(listed.map((time) => `"${time}"\n`).join(''))
  })

  it('is made once for requests that share a page', () => {
    const page = pageOf(times, json)
    expect(completeBody(page, json)).toBe(completeBody(page, json))
  })
})
