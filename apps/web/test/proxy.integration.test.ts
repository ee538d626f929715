import { waitFor } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { environment, shareWeb, upstream, web } from './shared-web.ts'
import type { RequestParts, WebResponse } from './test-environment.ts'

shareWeb()

/** Sends a request and returns what the upstream received. */
async function echo(path: string, parts?: RequestParts, through = web) {
  const seen = JSON.parse((await through.request(path, parts)).body) as Record<'method' | 'url' | 'body', string> & {
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

  it("carries the balancer's X-Forwarded-Proto", async () => {
    const seen = await echo('/', { headers: { 'X-Forwarded-Proto': 'https' } })
    expect(seen.values('x-forwarded-proto')).toEqual(['https'])
  })

  // The balancer appends the address of its client to what the client sent.
  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['198.51.100.7, 203.0.113.9', '203.0.113.9'],
    ['198.51.100.7, 192.168.1.20', '192.168.1.20'],
    ['198.51.100.7, 10.0.0.1, 192.168.1.20', '192.168.1.20'],
    ['198.51.100.7,10.0.0.1,172.16.0.9', '172.16.0.9'],
    ['2001:db8::1, ::ffff:10.0.0.1, 192.168.1.20', '192.168.1.20'],
    ['198.51.100.7:4711, [2001:db8::1]:80, 192.168.1.20', '192.168.1.20'],
    ['unknown, "", 192.168.1.20', '192.168.1.20'],
    ['198.51.100.7, 2001:db8::20', '2001:db8::20'],
    ['198.51.100.7, fd00::20', 'fd00::20'],
  ])('with the X-Forwarded-For %j is from %s', async (given, client) => {
    const { rawHeaders, values } = await echo('/', { headers: { 'X-Forwarded-For': given } })
    expect(values('x-forwarded-for')).toEqual([client])
    const id = rawHeaders[rawHeaders.findIndex((name) => name.toLowerCase() === 'x-request-id') + 1]
    const line = await waitFor('its log line', async () => (await web.log()).find(({ requestId }) => requestId === id))
    expect(line.client).toBe(client)
  })

  it('with several X-Forwarded-For headers is from the last address of the last', async () => {
    const lines = ['GET / HTTP/1.1', 'Host: web', 'Connection: close', 'X-Forwarded-For: 198.51.100.7']
    const bytes = [...lines, 'X-Forwarded-For: 10.0.0.1, 192.168.1.20', '', ''].join('\r\n')
    expect(await web.send(bytes)).toContain('"X-Forwarded-For","192.168.1.20"')
  })

  it('from outside the networks of the balancer is from its own address, whatever the client sends', async () => {
    const web = await environment.startWeb(undefined, { BALANCER_NETWORKS: '198.51.100.0/24,203.0.113.0/24' })
    const sent = ['203.0.113.9', '198.51.100.7, 192.168.1.20', '192.168.1.20', 'unknown']
    const own = (await echo('/', {}, web)).values('x-forwarded-for')
    for (const given of sent) {
      const { values } = await echo('/', { headers: { 'X-Forwarded-For': given } }, web)
      expect(values('x-forwarded-for')).toEqual(own)
    }
    const clients = await waitFor('the log lines', async () => {
      const lines = (await web.log()).filter(({ path }) => path === '/')
      return lines.length > sent.length && lines.map(({ client }) => client)
    })
    expect([...new Set(clients)]).toEqual(own)
  })

  it('gets X-Forwarded-Proto: http without a valid one', async () => {
    expect((await echo('/')).values('x-forwarded-proto')).toEqual(['http'])
    expect((await echo('/', { headers: { 'X-Forwarded-Proto': 'gopher' } })).values('x-forwarded-proto')).toEqual([
      'http',
    ])
  })

  it.each([
    ['POST', '{"name":"a"}', 'chunked'],
    ['PUT', 'x'.repeat(131_072), 'chunked'],
    ['PATCH', '{"name":"a"}', 'Chunked'],
    ['DELETE', '', 'chunked'],
  ])('%s may have a chunked body: %#', async (method, body, coding) => {
    const seen = await echo('/items/1', { method, headers: { 'Transfer-Encoding': coding }, body })
    expect(seen.body).toBe(body)
  })

  // Apache reads from the client without waiting where it has a connection to the app already: hence several requests.
  it.each([
    ['Content-Length', String(6 * 20_000)],
    ['Transfer-Encoding', 'chunked'],
  ])('with %s may have a body that arrives slowly', async (name, value) => {
    const body = Array.from({ length: 6 }, (_, at) => String(at).repeat(20_000))
    for (let sent = 0; sent < 5; sent += 1) {
      const seen = await echo('/items/1', { method: 'POST', headers: { [name]: value }, body })
      expect(seen.body === body.join('')).toBe(true)
    }
    expect((await web.log()).filter(({ message }) => String(message).includes('exit signal'))).toEqual([])
  })

  it('reuses connections to the app', async () => {
    const before = Number(await upstream.get('/connections'))
    for (let i = 0; i < 50; i += 1) await web.request('/list')
    // One for each of the two processes, and the one of this request.
    expect(Number(await upstream.get('/connections')) - before).toBeLessThanOrEqual(3)
  })
})

describe('a response', () => {
  it('is forwarded byte for byte, with its headers', async () => {
    const { status, headers, body } = await web.request('/list', { headers: { Range: 'bytes=0-1' } })
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

  it('is forwarded unchanged when it is an error of the app', async () => {
    expect(await web.request('/missing')).toMatchObject({ status: 404, body: '{"from":"the app"}' })
    const busy = await web.request('/busy')
    expect(busy).toMatchObject({ status: 503, body: '{"from":"the app"}' })
    expect(busy.rawHeaders.filter((_, i) => busy.rawHeaders[i - 1] === 'Retry-After')).toEqual(['7'])
  })

  it('has no body for HEAD', async () => {
    const { status, headers, body } = await web.request('/list', { method: 'HEAD' })
    expect([status, headers['content-type'], body]).toEqual([200, 'application/json', ''])
  })

  it.each(['identity', 'gzip'])('arrives in the parts in which the app streams it (%s)', async (encoding) => {
    const parts = await web.stream('/stream', { 'Accept-Encoding': encoding })
    expect(await parts.next()).toMatchObject({ value: '"first"\n' })
    expect(await upstream.get('/held')).toBe('1')
    await upstream.get('/release')
    expect(await parts.next()).toMatchObject({ value: '"last"\n' })
    expect(await parts.next()).toMatchObject({ done: true })
  })

  it('is compressed from 1 KiB when the client accepts it', async () => {
    const accepted = { 'Accept-Encoding': 'gzip' }
    expect((await web.request('/bytes?count=5000')).headers['content-encoding']).toBeUndefined()
    expect((await web.request('/bytes?count=1000', { headers: accepted })).headers['content-encoding']).toBeUndefined()
    const { headers } = await web.request('/bytes?count=5000', { headers: accepted })
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' })
  })
})

describe('the compression of a response', () => {
  it.each([
    ['gzip', 'gzip'],
    ['GZIP', 'gzip'],
    ['gzip;q=1', 'gzip'],
    ['gzip;q=0.5', 'gzip'],
    ['gzip;q=0.001', 'gzip'],
    ['br, gzip;q=0.8, *;q=0.1', 'gzip'],
    ['gzip;q=0.5, identity;q=0.5', 'gzip'],
    ['gzip;q=1.0, identity;q=0.5, *;q=0', 'gzip'],
    ['identity;q=0, gzip', 'gzip'],
    ['*;q=0, gzip', 'gzip'],
    ['deflate, gzip;q=1.0, *;q=0.5', 'gzip'],
    ['x-gzip', 'gzip'],
    ['identity;q=0, *', 'gzip'],
    ['*, identity;q=0', 'gzip'],
    ['*;q=0.5 , Identity ; Q=0.0', 'gzip'],
    ['br, identity;q=0, *;q=0.001', 'gzip'],
    ['identity;q=0, *;q=0, gzip;q=0.1', 'gzip'],
    ['gzip;q=0', undefined],
    ['gzip;q=0.0', undefined],
    ['gzip;q=0.000', undefined],
    ['gzip;q=.0', undefined],
    ['gzip;q=00', undefined],
    ['gzip;q = 0', undefined],
    ['gzip;q=0;level=1', undefined],
    ['gzip; q=0', undefined],
    ['gzip ; Q=0', undefined],
    ['GZIP;q=0', undefined],
    ['gzip;q=0, *', undefined],
    ['deflate, gzip;q=0', undefined],
    ['gzip;q=0,br', undefined],
    ['identity, gzip;q=0.5', undefined],
    ['gzip;q=0.5, identity;q=0.8', undefined],
    ['gzip;q=0, *;q=0, identity;q=0.1', undefined],
    ['*;q=0, identity', undefined],
    ['*;q=0.5', undefined],
    ['*', undefined],
    ['identity', undefined],
    ['br', undefined],
    ['xgzip', undefined],
    ['', undefined],
  ])('for Accept-Encoding: %s is %s', async (accepted, coding) => {
    const { headers } = await web.request('/bytes?count=5000', { headers: { 'Accept-Encoding': accepted } })
    expect(headers['content-encoding']).toBe(coding)
    // A cache must not send it to clients that accept something else.
    expect(headers.vary).toBe('Accept-Encoding')
  })

  const refusing = ['gzip, identity;q=0', 'identity;q=0, *', '*;q=0, gzip']

  it.each(refusing)('is for the app to decide when the client refuses a response as it is: %s', async (accepted) => {
    const parts = await Array.fromAsync(web.stream('/', { 'Accept-Encoding': accepted }))
    expect(JSON.parse(parts.join('')).rawHeaders).toContain(accepted)
  })

  it.each(refusing)('is that of every file, or 406, for %s', async (accepted) => {
    const get = (path: string) => web.request(path, { headers: { 'Accept-Encoding': accepted } })
    expect((await get('/ui/')).headers['content-encoding']).toBe('gzip')
    for (const path of ['/healthz', '/robots.txt']) expect((await get(path)).status).toBe(406)
  })

  it.each([
    '*;q=0',
    '*; Q=0.000',
    'identity;q=0',
    'identity;q=0, br',
    'br, *;q=0',
    'gzip;q=0, *;q=0',
    'identity;q=0, gzip;q=0, *',
    'gzip;q=0.0, identity;q=0.0, *;q=0.0',
  ])('is refused with 406, before the app gets the request, for Accept-Encoding: %s', async (accepted) => {
    for (const [method, path] of [
      ['GET', '/list'],
      ['POST', '/items'],
      ['GET', '/ui/'],
    ] as const) {
      const { status, headers } = await web.request(path, { method, headers: { 'Accept-Encoding': accepted } })
      expect([status, headers['content-type']], path).toEqual([406, 'application/problem+json'])
    }
  })

  it('is otherwise no matter of the app', async () => {
    expect(
      (await echo('/', { headers: { 'Accept-Encoding': 'gzip, identity;q=0.1' } })).values('accept-encoding'),
    ).toEqual([])
  })

  it('follows several headers as if they were one', async () => {
    const lines = ['GET /bytes?count=5000 HTTP/1.1', 'Host: web', 'Connection: close', 'Accept-Encoding: br']
    expect(await web.send([...lines, 'Accept-Encoding: gzip;q=0', '', ''].join('\r\n'))).not.toContain('gzip')
  })
})

describe('X-Request-Id', () => {
  const ids = (response: WebResponse) =>
    response.rawHeaders.filter((_, i) => response.rawHeaders[i - 1]?.toLowerCase() === 'x-request-id')

  it('is kept when valid: in the response, at the app and in the log', async () => {
    const id = `Valid-id_1.${'x'.repeat(53)}`
    const response = await web.request('/', { headers: { 'X-Request-Id': id } })
    expect(ids(response)).toEqual([id])
    expect(JSON.parse(response.body).rawHeaders).toContain(id)
    await waitFor('its log line', async () => (await web.log()).some(({ requestId }) => requestId === id))
  })

  it.each(['', 'a b', '"quoted"', 'x'.repeat(65), 'a, b', '{"a":1}', 'caf\xe9'])(
    'is replaced when it is %j',
    async (id) => {
      const response = await web.request('/', { headers: { 'X-Request-Id': id } })
      expect(ids(response)).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)])
      expect(JSON.parse(response.body).rawHeaders).toContain(ids(response)[0])
    },
  )

  it('differs for each request', async () => {
    const responses = await Promise.all(Array.from({ length: 20 }, () => web.request('/list')))
    expect(new Set(responses.flatMap(ids)).size).toBe(20)
  })
})

describe('GET /healthz', () => {
  it('answers without the app and writes no log line', async () => {
    const { status, headers, body } = await web.request('/healthz')
    expect([status, body]).toEqual([200, 'ok'])
    expect(headers).toMatchObject({ 'content-type': 'text/plain', 'cache-control': 'no-store' })
    expect(await web.request('/healthz', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
    expect((await web.log()).filter(({ path, status }) => path === '/healthz' && status === 200)).toEqual([])
  })
})
