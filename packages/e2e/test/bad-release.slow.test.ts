import { openHttpClient } from '@repo/drills/http.ts'
import { startLoad } from '@repo/drills/load.ts'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { succeeded } from './command.ts'
import { killAt, run, start } from './operations.ts'
import { instances, release } from './releases.ts'
import { describeResource, resource, store } from './resource.ts'
import { restoreTopology, topology } from './topology.ts'

afterAll(restoreTopology)

// Whatever another test has left.
beforeEach(async () => expect(await run('deploy.ts', '--ignore-errors')).toEqual(succeeded))

const status = async () => (await fetch(`${topology.url}/status`)).status

describe('a release whose web tier is healthy and has no app', () => {
  // No service listens there.
  const failing = () => release({ web: { environment: { APP_UPSTREAM: 'nlb:1' } } })

  it('is rolled back, also without requests', async () => {
    const before = await instances()
    const { code, output } = await start('deploy.ts', [], await failing()).result()
    expect(output).toContain('✗ The new container of web failed 10 of 10 reads, the old ones 0 of 20.')
    expect(output).toContain('✗ The release was not deployed. The previous one serves.')
    expect(code).toBe(1)
    expect(await instances()).toEqual(before)
  })

  it('is rolled back when the deployment before it was killed while it watched', async () => {
    const before = await instances()
    const next = await failing()
    await killAt('Watching the responses', 'deploy.ts', [], next)
    expect(await start('deploy.ts', [], next).result()).toMatchObject({ code: 1 })
    expect(await instances()).toEqual(before)
  })

  it('is deployed with --ignore-errors, and the release that ends the outage needs no option', async () => {
    expect(await start('deploy.ts', ['--ignore-errors'], await failing()).result()).toEqual(succeeded)
    expect(await status()).toBe(503)
    const client = openHttpClient(topology.url)
    const workload = { write: () => ({ method: 'GET', path: '/status' }) as const, newestPath: '/status' }
    const load = startLoad({
      ...{ send: client.send, writesPerSecond: 0, readsPerSecond: 50 },
      workload: { ...workload, acknowledged: () => undefined, listed: () => [] },
    })
    try {
      expect(await run('deploy.ts')).toEqual(succeeded)
      expect(await status()).toBe(200)
    } finally {
      await load.stop()
      client.close()
    }
  })
})

describeResource('a release of the app that reads and does not write', () => {
  it('is stopped by what its clients get, and removed', async () => {
    const before = await instances()
    const next = await release({ app: { environment: { DB_WRITE_ENDPOINT_ADDRESS: 'localhost' } } })
    const client = openHttpClient(topology.url)
    const load = startLoad({ send: client.send, workload: resource(), writesPerSecond: 100, readsPerSecond: 0 })
    const { code, output } = await start('deploy.ts', [], next)
      .result()
      .finally(() => load.stop())
    client.close()
    expect(output).toMatch(/✗ \d+ of \d+ responses in the last \d+ s were 5xx, 0 of \d+ before the release\.\n/)
    expect(code).toBe(1)
    const after = await instances()
    expect(after).not.toEqual([])
    expect(after.filter((id) => !before.includes(id))).toEqual([])
    for (let times = 0; times < 20; times += 1) await store()
  })
})
