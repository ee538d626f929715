import { waitFor } from '@repo/compose'
import { afterAll, expect, it } from 'vitest'
import { succeeded } from './command.ts'
import { login, passwordOf } from './databases.ts'
import { run } from './operations.ts'
import { restoreTopology, topology } from './topology.ts'

afterAll(restoreTopology)

it('npm run rotate-password works on the promoted reader', async () => {
  const isReady = async () => (await fetch(`${topology.url}/readyz`)).ok
  const before = await passwordOf('app')
  expect(await run('failover.ts')).toEqual(succeeded)
  expect(await run('rotate-password.ts')).toEqual(succeeded)
  await waitFor('requests to succeed', isReady)
  expect(await run('rejoin.ts')).toEqual(succeeded)
  const after = await passwordOf('app')
  expect(after).not.toBe(before)
  for (const password of [before, after])
    for (const host of ['db-writer', 'db-reader']) await login('app', password, host)
  await waitFor('requests to succeed', isReady)
})
