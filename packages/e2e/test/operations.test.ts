import { afterAll, describe, expect, it } from 'vitest'
import { succeeded } from './command.ts'
import { login } from './databases.ts'
import { killAt, run, runWithoutFailure, start } from './operations.ts'
import { instances, labelled, release, versions } from './releases.ts'
import { restoreTopology, topology } from './topology.ts'

afterAll(restoreTopology)

it.each([['rotate-password.ts'], ['deploy.ts']])('%s refuses an unknown option in one line', async (script) => {
  const { code, output } = await run(script, '--nope')
  expect(output).toMatch(/^✗ Unknown option '--nope'.*\n$/)
  expect(code).toBe(1)
})

describe('npm run rotate-password', () => {
  const file = '/run/credentials/app/password'
  const passwordOn = async (service: string) => (await topology.exec(service, ['cat', file])).trimEnd()

  const loginOnBoth = (password: string) =>
    Promise.all(['db-writer', 'db-reader'].map((host) => login('app', password, host)))

  it('changes the password without a failed request, and the previous one stays valid', async () => {
    const before = await passwordOn('db-writer')
    await runWithoutFailure(async () => expect(await run('rotate-password.ts')).toEqual(succeeded))
    const after = await passwordOn('db-writer')
    expect(after).toHaveLength(32)
    expect(after).not.toBe(before)
    await loginOnBoth(before)
    await loginOnBoth(after)
  })

  it('leaves a valid password in the file when it is killed before the file is replaced, twice', async () => {
    const before = await passwordOn('db-writer')
    await runWithoutFailure(async () => {
      for (let time = 0; time < 2; time += 1) {
        // So that the command waits for the reader.
        await topology.sql('db-reader', 'STOP REPLICA SQL_THREAD')
        await killAt('Waiting until', 'rotate-password.ts', [])
        await topology.sql('db-reader', 'START REPLICA SQL_THREAD')
        expect(await passwordOn('db-writer')).toBe(before)
        await loginOnBoth(before)
      }
      expect(await run('rotate-password.ts')).toEqual(succeeded)
    })
    await loginOnBoth(before)
    await loginOnBoth(await passwordOn('db-writer'))
  })

  it('changes nothing when no password can be written', async () => {
    const before = await passwordOn('db-writer')
    await topology.exec('db-writer', ['mkdir', `${file}.new`])
    const { code, output } = await run('rotate-password.ts')
    expect(output).toContain('The password was not changed')
    expect(code).toBe(1)
    await topology.exec('db-writer', ['rmdir', `${file}.new`])
    expect(await passwordOn('db-writer')).toBe(before)
    await loginOnBoth(before)
  })
})

describe('npm run deploy:local', () => {
  it('replaces nothing when the release runs already', async () => {
    expect(await run('deploy.ts')).toEqual(succeeded)
    const before = await instances()
    expect(await run('deploy.ts')).toEqual(succeeded)
    expect(await instances()).toEqual(before)
  })

  it('replaces every container of the app without a failed request, after it was killed in between', async () => {
    const before = await instances(['app'])
    const next = await release({ app: labelled('1') })
    await runWithoutFailure(async () => {
      await killAt('Stopping a container of app', 'deploy.ts', [], next)
      expect(await start('deploy.ts', [], next).result()).toEqual(succeeded)
    })
    expect(await versions(['app'])).toEqual(new Set(['1']))
    const after = await instances(['app'])
    expect(after).toHaveLength(2)
    expect(after.filter((id) => before.includes(id))).toEqual([])
  })

  it('rolls back a release that ends at once: the previous one goes on', async () => {
    const before = await instances()
    const next = await release({ app: { ...labelled('2'), environment: { PORT: 'none' } } })
    await runWithoutFailure(async () => {
      const { code, output } = await start('deploy.ts', [], next).result()
      expect(output).toContain('✗ The release was not deployed. The previous one serves.')
      expect(code).toBe(1)
    })
    expect(await instances()).toEqual(before)
  })
})
