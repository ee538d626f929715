import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Stage } from './web.ts'

let stage: Stage
let upstream: Awaited<ReturnType<Stage['upstream']>>

beforeAll(async () => {
  stage = await Stage.open()
  upstream = await stage.upstream()
})
afterAll(() => stage?.[Symbol.asyncDispose]())

describe.concurrent('the container', () => {
  it('runs as www-data without capabilities, and can write nowhere but in /tmp', async () => {
    const { container } = await stage.web()
    const command = 'id -u; grep CapEff /proc/1/status; touch /srv/web/x /run/x /tmp/x 2>&1 | wc -l'
    const { output } = await container.exec(['bash', '-c', command])
    expect(output.trim().split(/\s+/)).toEqual(['33', 'CapEff:', '0000000000000000', '2'])
  })

  it('becomes healthy, and unhealthy when httpd stops answering', async () => {
    const web = await stage.web()
    await vi.waitFor(async () => expect(await web.health()).toBe('healthy'), { timeout: 10_000, interval: 200 })
    await web.container.exec(['bash', '-c', 'kill -STOP $(grep -l ^apache2 /proc/[0-9]*/comm | cut -d/ -f3)'])
    await vi.waitFor(async () => expect(await web.health()).toBe('unhealthy'), { timeout: 25_000, interval: 500 })
  })

  it('ends at once, saying what is missing, without APP_UPSTREAM', async () => {
    const said = expect.stringMatching(/^{.*"message":"APP_UPSTREAM is not set.*}\n$/)
    await expect(stage.runWithoutUpstream()).rejects.toMatchObject({ code: 1, stderr: said })
  })

  it('ends with the status of httpd when that ends by itself', async () => {
    const web = await stage.web()
    await web.container.exec(['bash', '-c', 'kill -KILL $(cat /tmp/httpd.pid)'])
    expect(await web.exitCode()).toBe(137)
  })
})

describe.concurrent('when told to stop', () => {
  it('fails its health check first, serves on, finishes what it has in hand, ends with 0', async () => {
    const web = await stage.web('upstream:9090', { DRAIN_SECONDS: '5' })
    const held = web.ask('/hold')
    await vi.waitFor(async () => expect(await upstream.direct('/held')).toBe('1'))
    const stopping = performance.now()
    await web.signal('SIGWINCH')

    await vi.waitFor(async () => expect(await web.ask('/healthz')).toMatchObject({ status: 503 }), 5000)
    expect(await web.ask('/list')).toMatchObject({ status: 200 })
    expect(performance.now() - stopping).toBeLessThan(5000)

    // The listener closes while the held request goes on.
    const closed = () =>
      web.ask('/list').then(
        () => false,
        () => true,
      )
    await vi.waitFor(async () => expect(await closed()).toBe(true), { timeout: 10_000 })
    expect(performance.now() - stopping).toBeGreaterThan(5000)
    await upstream.direct('/release')
    expect(await held).toMatchObject({ status: 200, body: '"last"\n' })
    expect(await web.exitCode()).toBe(0)
    const failed = (await web.log()).filter(({ status }) => status === 503)
    expect(failed).toContainEqual(expect.objectContaining({ path: '/healthz' }))
  })

  it('has logged every request when it ends', async () => {
    const web = await stage.web('upstream:9090', { DRAIN_SECONDS: '0' })
    const paths = Array.from({ length: 200 }, (_, index) => `/list?${index}`)
    await Promise.all(paths.map((path) => web.ask(path)))
    await web.signal('SIGTERM')
    await web.exitCode()
    const logged = (await web.log()).map(({ path }) => path)
    expect(logged.filter((path) => path !== '/healthz' && path !== undefined).sort()).toEqual(paths.sort())
  })

  it('drains on SIGTERM too', async () => {
    const web = await stage.web('upstream:9090', { DRAIN_SECONDS: '1' })
    await web.signal('SIGTERM')
    await vi.waitFor(async () => expect(await web.ask('/healthz')).toMatchObject({ status: 503 }))
    expect(await web.exitCode()).toBe(0)
  })

  it('ends at once on a second signal', async () => {
    const web = await stage.web('upstream:9090', { DRAIN_SECONDS: '60' })
    await web.signal('SIGTERM')
    await vi.waitFor(async () => expect(await web.ask('/healthz')).toMatchObject({ status: 503 }))
    const start = performance.now()
    await web.signal('SIGTERM')
    await web.exitCode()
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it('serves as ever after a restart', async () => {
    const web = await stage.web('upstream:9090', { DRAIN_SECONDS: '0' })
    await web.container.restart()
    expect(await web.ask('/healthz')).toMatchObject({ status: 200 })
  })
})
