import { openHttpClient } from '@repo/drills/http.ts'
import { startLoad } from '@repo/drills/load.ts'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { run, start } from './operations.ts'
import { instances, release } from './releases.ts'
import { restoreTopology, topology } from './topology.ts'

afterAll(restoreTopology)

// Whatever another test has left.
beforeEach(async () => expect(await run('deploy.ts', '--ignore-errors')).toMatchObject({ code: 0 }))

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

  it('is deployed with --ignore-errors, and the release that ends the outage needs no option', async () => {
    expect(await start('deploy.ts', ['--ignore-errors'], await failing()).result()).toMatchObject({ code: 0 })
    expect(await status()).toBe(503)
    const client = openHttpClient(topology.url)
    const workload = { write: () => ({ method: 'GET', path: '/status' }) as const, newestPath: '/status' }
    const load = startLoad({
      ...{ send: client.send, writesPerSecond: 0, readsPerSecond: 50 },
      workload: { ...workload, acknowledged: () => undefined, listed: () => [] },
    })
    try {
      expect(await run('deploy.ts')).toMatchObject({ code: 0 })
      expect(await status()).toBe(200)
    } finally {
      await load.stop()
      client.close()
    }
  })
})
