import { afterAll, expect, it } from 'vitest'
import { succeeded } from './command.ts'
import { killAt, runWithoutFailure, start } from './operations.ts'
import { instances, labelled, release, versions } from './releases.ts'
import { restoreTopology } from './topology.ts'

afterAll(restoreTopology)

it('npm run deploy:local can be killed at each step and run again, without a failed request', async () => {
  const before = await instances()
  const next = await release({ app: labelled('1'), web: labelled('1') })
  await runWithoutFailure(async () => {
    for (const line of ['Building', 'Applying', 'Starting a container of app', 'Stopping a container of app']) {
      await killAt(line, 'deploy.ts', [], next)
    }
    await killAt('Starting a container of web', 'deploy.ts', [], next)
    await killAt('Stopping a container of web', 'deploy.ts', [], next)
    expect(await start('deploy.ts', [], next).result()).toEqual(succeeded)
  })
  expect(await versions()).toEqual(new Set(['1']))
  const after = await instances()
  expect(after).toHaveLength(4)
  expect(after.filter((id) => before.includes(id))).toEqual([])
})

it('npm run deploy:local rolls back a release that never becomes healthy', async () => {
  const before = await instances()
  const healthcheck = { test: ['CMD', 'false'], interval: '1s', start_period: '1s', retries: 1 }
  const next = await release({ app: { ...labelled('2'), healthcheck } })
  await runWithoutFailure(async () => {
    expect(await start('deploy.ts', [], next).result()).toMatchObject({ code: 1 })
  })
  expect(await instances()).toEqual(before)
})

it('npm run deploy:local rolls the app back when the web tier of the release is not healthy', async () => {
  const next = await release({ app: labelled('2'), web: { ...labelled('2'), command: ['false'] } })
  await runWithoutFailure(async () => {
    expect(await start('deploy.ts', [], next).result()).toMatchObject({ code: 1 })
  })
  expect(await versions()).toEqual(new Set(['1']))
  expect(await instances()).toHaveLength(4)
})
