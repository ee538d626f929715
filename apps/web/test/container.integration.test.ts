import { waitFor } from '@repo/compose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestEnvironment, type TestEnvironment, type Upstream } from './test-environment.ts'

let environment: TestEnvironment
let upstream: Upstream

beforeAll(async () => {
  environment = await openTestEnvironment()
  upstream = await environment.startUpstream()
})
afterAll(() => environment?.[Symbol.asyncDispose]())

const startDraining = (seconds: number) => environment.startWeb('upstream:9090', { DRAIN_SECONDS: String(seconds) })

/** Longer than any test: only what ends the drain early ends it at all. */
const endless = 3600

describe.concurrent('the container', () => {
  it('runs as www-data without capabilities and can write only to /tmp', async () => {
    const { container } = await environment.startWeb()
    const command = 'id -u; grep CapEff /proc/1/status; touch /srv/web/x /run/x /tmp/x 2>&1 | wc -l'
    const { output } = await container.exec(['bash', '-c', command])
    expect(output.trim().split(/\s+/)).toEqual(['33', 'CapEff:', '0000000000000000', '2'])
  })

  it('passes its health check, and fails it when httpd hangs', async () => {
    const web = await environment.startWeb()
    await waitFor('a passed health check', () => web.isHealthy())
    await web.container.exec(['bash', '-c', 'kill -STOP $(grep -l ^apache2 /proc/[0-9]*/comm | cut -d/ -f3)'])
    expect(await web.isHealthy()).toBe(false)
  })

  it('exits with an error that names APP_UPSTREAM when that is missing', async () => {
    await expect(environment.runWithoutUpstream()).rejects.toMatchObject({
      cause: { code: 1 },
      stderr: expect.stringMatching(/^{.*"message":"APP_UPSTREAM is not set.*}\n$/),
    })
  })

  it("exits with httpd's status when httpd ends by itself", async () => {
    const web = await environment.startWeb()
    await web.container.exec(['bash', '-c', 'kill -KILL $(cat /tmp/httpd.pid)'])
    expect(await web.exitCode()).toBe(137)
  })
})

describe.concurrent('after a stop signal', () => {
  it.each(['SIGWINCH', 'SIGTERM'] as const)(
    'fails its health check and serves on while it drains (%s)',
    async (name) => {
      const web = await startDraining(endless)
      await web.signal(name)
      await waitFor('a failed health check', async () => (await web.request('/healthz')).status === 503)
      const { status, headers } = await web.request('/list')
      expect([status, headers.connection]).toEqual([200, 'close'])
      await waitFor('its line in the log', async () =>
        (await web.log()).some(({ status, path }) => status === 503 && path === '/healthz'),
      )
    },
  )

  it('finishes the requests in flight after the drain and exits with 0', async () => {
    const web = await startDraining(0)
    const inFlight = web.request('/hold')
    await waitFor('a request in flight', async () => (await upstream.get('/held')) === '1')
    await web.signal('SIGWINCH')
    const refused = () => web.request('/list').then(Boolean, () => true)
    await waitFor('a refused connection', async () => (await refused()) === true)
    await upstream.get('/release')
    expect(await inFlight).toMatchObject({ status: 200, body: expect.stringMatching(/"last"\n$/) })
    expect(await web.exitCode()).toBe(0)
  })

  it('has logged every request when it exits', async () => {
    const web = await startDraining(0)
    const paths = Array.from({ length: 200 }, (_, index) => `/list?${index}`)
    await Promise.all(paths.map((path) => web.request(path)))
    await web.signal('SIGTERM')
    expect(await web.exitCode()).toBe(0)
    const logged = (await web.log()).map(({ path }) => path)
    expect(logged.filter((path) => path !== '/healthz' && path !== undefined).sort()).toEqual(paths.sort())
  })

  it('exits at once on a second signal', async () => {
    const web = await startDraining(endless)
    await web.signal('SIGTERM')
    await waitFor('a failed health check', async () => (await web.request('/healthz')).status === 503)
    await web.signal('SIGTERM')
    await web.exitCode()
  })

  it('is healthy again after a restart', async () => {
    const web = await startDraining(0)
    await web.container.restart()
    expect(await web.request('/healthz')).toMatchObject({ status: 200 })
  })
})
