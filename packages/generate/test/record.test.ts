import { expect, it } from 'vitest'
import { withoutCredentials } from '../src/record.ts'

it.each([
  ['https://user:p@ss@host.example/a.git', 'https://host.example/a.git'],
  ['https://token@host.example/a@b.git', 'https://host.example/a@b.git'],
  ['https://host.example/a.git', 'https://host.example/a.git'],
  ['git@host.example:a.git', 'git@host.example:a.git'],
  ['/srv/a@b.git', '/srv/a@b.git'],
])('the address %s is recorded as %s', (address, recorded) => {
  expect(withoutCredentials(address)).toBe(recorded)
})
