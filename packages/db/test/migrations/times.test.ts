import { expect, it } from 'vitest'
import { loadMigrations } from '../../src/index.ts'
import { checksum, declaredRights } from '../../src/migrations/load.ts'

const [first] = await loadMigrations()

it('the checksum of 0001_create_times is the one that servers have recorded since the first release', () => {
  expect(first && checksum(first)).toBe('c5f6d7de24b3660c4eaa71539a5b544f99fc9e8175048aba0817fe95c3fd844a')
})

it('the app may read and insert times', () => {
  expect(declaredRights(first ? [first] : [], { table: 'visit' })).toEqual(new Map([['visit', ['SELECT', 'INSERT']]]))
})
