import { expect, it } from 'vitest'
import { jsonTimes, listBytes } from '../src/list.ts'

it('computes the size of a list', () => {
  for (const rows of [0, 1, 2, 37]) {
    expect(listBytes(rows)).toBe(jsonTimes(Array.from({ length: rows }, () => '2026-11-22 09:33:53')).length)
  }
})
