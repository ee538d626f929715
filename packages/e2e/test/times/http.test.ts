import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { waitFor } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { expectProblem } from '../problem.ts'
import { topology } from '../topology.ts'
import { expectLongList } from './long-list.ts'
import { removeTimes, storedTimes } from './times.ts'

const get = (path: string, init: RequestInit = {}) => fetch(topology.url + path, init)
const getText = async (path: string, init?: RequestInit) => (await get(path, init)).text()
const getList = async (path: string) => (await (await get(path)).json()) as string[]

describe('the HTTP contract of the times', () => {
  it('answers [] at / and /read when nothing is stored', async () => {
    await removeTimes()
    for (const path of ['/', '/read']) {
      await waitFor(`GET ${path} to return an empty list`, async () => (await getText(path)) === '[]')
      expect((await get(path)).headers.get('content-type')).toBe('application/json')
    }
  })

  it('stores a time and lists it byte for byte as json.dumps(list, indent=2) does', async () => {
    await removeTimes()
    const responses = [await get('/write'), await get('/write', { method: 'POST' })]
    expect(responses.map(({ status }) => status)).toEqual([200, 201])
    const saved = await Promise.all(responses.map((response) => response.text()))
    for (const text of saved) expect(text).toMatch(/^Saved: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    expect(responses[0]?.headers.get('content-type')).toBe('text/plain')
    expect(responses[0]?.headers.get('cache-control')).toBe('no-store')
    const [first, second] = saved.map((text) => text.slice('Saved: '.length))
    await waitFor('both times to be listed', async () => (await getList('/read')).length === 2)
    expect(await getText('/read')).toBe(`[\n  "${first}",\n  "${second}"\n]`)
    expect(await getText('/read', { headers: { Accept: 'application/x-ndjson' } })).toBe(`"${first}"\n"${second}"\n`)
  })

  // A stream has no length.
  const postChunked = (body: string, headers: Record<string, string> = {}) =>
    get('/write', { method: 'POST', headers, body: new Blob([body]).stream(), duplex: 'half' } as RequestInit)

  it('stores a time once per key for a chunked body too', async () => {
    const headers = { 'Idempotency-Key': 'chunked', 'Content-Type': 'application/json' }
    expect((await postChunked('{"a":1}', headers)).status).toBe(201)
    expect((await postChunked('{"a":1}', headers)).headers.get('idempotency-replayed')).toBe('true')
    expect((await postChunked('{"a":2}', headers)).status).toBe(422)
  })

  it('stores nothing for a chunked body that is too long', async () => {
    const before = await storedTimes('db-writer')
    await expectProblem(await postChunked('x'.repeat(1_000_000)), 413)
    expect(await storedTimes('db-writer')).toEqual(before)
  })

  it.each([
    { 'Sec-Purpose': 'prefetch;prerender' },
    { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' },
  ])('stores nothing for GET /write with %j', async (headers) => {
    const before = await storedTimes('db-writer')
    expect((await get('/write', { headers })).status).toBe(403)
    expect(await storedTimes('db-writer')).toEqual(before)
  })

  it('stores nothing for HEAD /write', async () => {
    const before = await storedTimes('db-writer')
    const response = await get('/write', { method: 'HEAD' })
    expect(response.status).toBe(405)
    expect(await storedTimes('db-writer')).toEqual(before)
  })

  it('answers HEAD on a read with the headers of GET', async () => {
    const [head, full] = [await get('/read', { method: 'HEAD' }), await get('/read')]
    expect(head.status).toBe(200)
    expect(await head.text()).toBe('')
    expect(head.headers.get('content-type')).toBe(full.headers.get('content-type'))
  })

  it('links each page to the next', async () => {
    await removeTimes()
    for (let count = 0; count < 3; count += 1) await get('/write')
    await waitFor('three times to be listed', async () => (await getList('/read')).length === 3)
    const first = await get('/read?limit=2')
    const next = /<([^>]+)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1]
    const second = await get(String(next))
    expect(await first.json()).toHaveLength(2)
    expect(await second.json()).toHaveLength(1)
    expect(second.headers.get('link')).toBeNull()
  })

  it('stores one time for all requests with the same Idempotency-Key, whichever instance gets them', async () => {
    await removeTimes()
    const headers = { 'Idempotency-Key': `a "key" ~ ${randomUUID()}` }
    const write = () => get('/write', { method: 'POST', headers })
    const [first, ...others] = [await write(), ...(await Promise.all(Array.from({ length: 10 }, write)))]
    const text = await first.text()
    for (const other of others) {
      expect([other.status, other.headers.get('idempotency-replayed'), await other.text()]).toEqual([201, 'true', text])
    }
    expect(await storedTimes('db-writer')).toHaveLength(1)
  })

  it.each([
    ['/read?limit=0', 'GET', 400],
    ['/read?limit=10001', 'GET', 400],
    ['/read', 'DELETE', 405],
    ['/write', 'PUT', 405],
  ])('answers %s with %s as a problem, %i', async (path, method, status) =>
    expectProblem(await get(path, { method }), status),
  )

  it('compresses a list when the client accepts gzip', async () => {
    await removeTimes()
    await Promise.all(Array.from({ length: 100 }, () => getText('/write')))
    await waitFor('100 times to be listed', async () => (await getList('/read')).length === 100)
    // Not by fetch, which decompresses.
    const [encoding, body] = await new Promise<[string | undefined, Buffer]>((resolve, reject) => {
      request(`${topology.url}/read`, { headers: { 'Accept-Encoding': 'gzip' } }, async (response) => {
        resolve([response.headers['content-encoding'], await buffer(response)])
      })
        .on('error', reject)
        .end()
    })
    expect(encoding).toBe('gzip')
    expect(JSON.parse(String(gunzipSync(body)))).toHaveLength(100)
  })

  it('streams a long list in order, with bounded memory in the app', () => expectLongList(200_000))
})
