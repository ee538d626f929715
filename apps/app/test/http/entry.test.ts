import { describe, expect, it } from 'vitest'
import { entryAnswer, existing } from '../../src/http/entry.ts'
import { entityTag } from '../../src/middleware/conditions.ts'

describe('existing', () => {
  it('is the entry, or a 404', () => {
    const entry = { id: 1 }
    expect(existing(entry)).toBe(entry)
    expect(() => existing(undefined)).toThrow(expect.objectContaining({ status: 404 }))
  })
})

describe('entryAnswer', () => {
  it('has the entry as JSON, its tag and further headers', () => {
    const entry = { id: 1, text: 'x' }
    expect(entryAnswer(201, entry, { Location: '/notes/1' })).toEqual({
      status: 201,
      contentType: 'application/json',
      headers: { ETag: `"${entityTag(entry)}"`, Location: '/notes/1' },
      body: '{"id":1,"text":"x"}',
    })
  })
})
