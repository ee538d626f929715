import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Stage, type Web } from './web.ts'

let stage: Stage
let upstream: Awaited<ReturnType<Stage['upstream']>>
let web: Web

beforeAll(async () => {
  stage = await Stage.open()
  upstream = await stage.upstream()
  web = await stage.web()
})
afterAll(() => stage?.[Symbol.asyncDispose]())

/** What the upstream saw of a request. */
async function echo(path: string, options?: Parameters<Web['ask']>[1]) {
  const seen = JSON.parse((await web.ask(path, options)).body) as Record<'method' | 'url' | 'body', string> & {
    rawHeaders: string[]
  }
  const values = (name: string) =>
    seen.rawHeaders.filter((_, i) => i % 2 === 1 && seen.rawHeaders[i - 1]?.toLowerCase() === name)
  return { ...seen, values }
}

describe('a request', () => {
  it('reaches the app as the client wrote it', async () => {
    const path = '/a%2Fb//c/../d?limit=1&after=%22x%22'
    expect(await echo(path, { method: 'POST', body: 'hello' })).toMatchObject({
      method: 'POST',
      url: path,
      body: 'hello',
    })
  })

  it('keeps the Host', async () => {
    expect((await echo('/', { headers: { Host: 'shop.example' } })).values('host')).toEqual(['shop.example'])
  })

  it("carries the balancer's X-Forwarded-For and X-Forwarded-Proto", async () => {
    const headers = { 'X-Forwarded-For': '203.0.113.9, 198.51.100.7', 'X-Forwarded-Proto': 'https' }
    const seen = await echo('/', { headers })
    expect(seen.values('x-forwarded-for')).toEqual(['203.0.113.9, 198.51.100.7'])
    expect(seen.values('x-forwarded-proto')).toEqual(['https'])
  })

  it('gets X-Forwarded-Proto: http without one, or with an odd one', async () => {
    expect((await echo('/')).values('x-forwarded-proto')).toEqual(['http'])
    expect((await echo('/', { headers: { 'X-Forwarded-Proto': 'gopher' } })).values('x-forwarded-proto')).toEqual([
      'http',
    ])
  })

  it('shares connections to the app with those before it', async () => {
    const before = Number(await upstream.direct('/connections'))
    for (let i = 0; i < 50; i += 1) await web.ask('/list')
    // One for each of the two processes, and the one that asks.
    expect(Number(await upstream.direct('/connections')) - before).toBeLessThanOrEqual(3)
  })
})

describe('a response', () => {
  it('passes byte for byte, with its headers', async () => {
    const { status, headers, body } = await web.ask('/list', { headers: { Range: 'bytes=0-1' } })
    expect(status).toBe(200)
    expect(body).toBe('[\n  "2026-11-22 09:33:53",\n  "2026-11-22 09:33:54"\n]')
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(body.length),
      etag: '"v1"',
      link: '</list?after=2>; rel="next"',
      'x-content-type-options': 'nosniff',
      server: 'Apache',
    })
  })

  it('passes the errors of the app untouched', async () => {
    expect(await web.ask('/missing')).toMatchObject({ status: 404, body: '{"from":"the app"}' })
    const busy = await web.ask('/busy')
    expect(busy).toMatchObject({ status: 503, body: '{"from":"the app"}' })
    expect(busy.rawHeaders.filter((_, i) => busy.rawHeaders[i - 1] === 'Retry-After')).toEqual(['7'])
  })

  it('has no body to a HEAD', async () => {
    const { status, headers, body } = await web.ask('/list', { method: 'HEAD' })
    expect([status, headers['content-type'], body]).toEqual([200, 'application/json', ''])
  })

  it.each(['identity', 'gzip'])('arrives part by part as the app streams it (%s)', async (encoding) => {
    const parts = await web.stream('/stream', { 'Accept-Encoding': encoding })
    expect(await parts.next()).toMatchObject({ value: '"first"\n' })
    expect(await upstream.direct('/held')).toBe('1')
    await upstream.direct('/release')
    expect(await parts.next()).toMatchObject({ value: '"last"\n' })
    expect(await parts.next()).toMatchObject({ done: true })
  })

  it('is compressed where that pays and the client wants it', async () => {
    const wanted = { 'Accept-Encoding': 'gzip' }
    expect((await web.ask('/bytes?count=5000')).headers['content-encoding']).toBeUndefined()
    expect((await web.ask('/bytes?count=1000', { headers: wanted })).headers['content-encoding']).toBeUndefined()
    const { headers } = await web.ask('/bytes?count=5000', { headers: wanted })
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' })
  })
})

describe('X-Request-Id', () => {
  const ids = (answer: { rawHeaders: readonly string[] }) =>
    answer.rawHeaders.filter((_, i) => answer.rawHeaders[i - 1]?.toLowerCase() === 'x-request-id')

  it('is kept when valid, and the same everywhere', async () => {
    const id = `Valid-id_1.${'x'.repeat(53)}`
    const answer = await web.ask('/', { headers: { 'X-Request-Id': id } })
    expect(ids(answer)).toEqual([id])
    expect(JSON.parse(answer.body).rawHeaders).toContain(id)
    await vi.waitFor(async () => expect(await web.log()).toContainEqual(expect.objectContaining({ requestId: id })))
  })

  it.each(['', 'a b', '"quoted"', 'x'.repeat(65), 'a, b', '{"a":1}', 'caf\xe9'])(
    'is replaced when it is %j',
    async (id) => {
      const answer = await web.ask('/', { headers: { 'X-Request-Id': id } })
      expect(ids(answer)).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)])
      expect(JSON.parse(answer.body).rawHeaders).toContain(ids(answer)[0])
    },
  )

  it('differs from request to request', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => web.ask('/list')))
    expect(new Set(answers.flatMap(ids)).size).toBe(20)
  })
})

describe('GET /healthz', () => {
  it('answers by itself, and leaves no line in the log', async () => {
    const { status, headers, body } = await web.ask('/healthz')
    expect([status, body]).toEqual([200, 'ok'])
    expect(headers).toMatchObject({ 'content-type': 'text/plain', 'cache-control': 'no-store' })
    expect(await web.ask('/healthz', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
    expect((await web.log()).filter(({ path }) => path === '/healthz')).toEqual([])
  })
})
