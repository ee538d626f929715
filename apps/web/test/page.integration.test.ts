import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Stage, type Web } from './web.ts'

let stage: Stage
let web: Web

beforeAll(async () => {
  stage = await Stage.open()
  await stage.upstream()
  web = await stage.web()
})
afterAll(() => stage?.[Symbol.asyncDispose]())

const problem = { type: 'about:blank', requestId: expect.any(String) }

describe('the files of the page', () => {
  it.each([
    ['/ui/', 'text/html; charset=utf-8'],
    ['/ui/index.html', 'text/html; charset=utf-8'],
    ['/ui/page.css', 'text/css; charset=utf-8'],
    ['/ui/main.js', 'text/javascript; charset=utf-8'],
    ['/ui/uPlot.iife.min.js', 'text/javascript; charset=utf-8'],
    ['/ui/uPlot.LICENSE.txt', 'text/plain; charset=utf-8'],
    ['/ui/icon.svg', 'image/svg+xml'],
  ])('%s is %s, under the policy, to be checked before each use', async (path, type) => {
    const { status, headers, body } = await web.ask(path)
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-type': type,
      'cache-control': 'no-cache',
      'content-security-policy': expect.stringMatching(/^default-src 'none'; script-src 'self'; style-src 'self'; /),
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    expect(body.length).toBeGreaterThan(100)
    const known = { headers: { 'If-None-Match': String(headers.etag) } }
    expect(await web.ask(path, known)).toMatchObject({ status: 304, body: '' })
    expect(await web.ask(path, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
  })

  it('hold no types, and load each other', async () => {
    const { body } = await web.ask('/ui/main.js')
    const imported = [...body.matchAll(/from '\.\/(.*)'/g)].map(([, name]) => String(name))
    expect(imported).toContain('api.js')
    for (const name of imported) expect((await web.ask(`/ui/${name}`)).status).toBe(200)
    expect(body).not.toMatch(/: Promise</)
  })

  it('are compressed, and still known by their ETag', async () => {
    const wanted = { 'Accept-Encoding': 'gzip' }
    const { headers } = await web.ask('/ui/main.js', { headers: wanted })
    expect(headers['content-encoding']).toBe('gzip')
    expect(headers.etag).toBe((await web.ask('/ui/main.js')).headers.etag)
    const known = { headers: { ...wanted, 'If-None-Match': String(headers.etag) } }
    expect((await web.ask('/ui/main.js', known)).status).toBe(304)
    const parts: string[] = []
    for await (const part of web.stream('/ui/main.js', wanted)) parts.push(part)
    expect(parts.join('')).toBe((await web.ask('/ui/main.js')).body)
  })
})

describe('around the page', () => {
  it('/ui leads to /ui/, whatever the host', async () => {
    const answer = await web.ask('/ui', { headers: { Host: 'elsewhere.example' } })
    expect(answer).toMatchObject({
      status: 308,
      headers: { location: '/ui/', 'content-type': 'application/problem+json' },
    })
  })

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is refused', async (method) => {
    for (const path of ['/ui/', '/ui/main.js']) {
      const answer = await web.ask(path, { method })
      // Apache adds an empty element of its own, which means nothing (RFC 9110, 5.6.1).
      expect(answer).toMatchObject({ status: 405, headers: { allow: expect.stringMatching(/^GET, HEAD(, )?$/) } })
      expect(JSON.parse(answer.body)).toEqual({ ...problem, title: 'Method Not Allowed', status: 405 })
    }
  })

  it.each(['/ui/nope', '/ui/main.ts', '/ui/tsconfig.json', '/ui/index.html/x'])('%s is not there', async (path) => {
    const answer = await web.ask(path)
    expect([403, 404]).toContain(answer.status)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(JSON.parse(answer.body)).toMatchObject(problem)
  })

  it.each(['/uix', '/x/ui/', '/'])('%s is the business of the app', async (path) => {
    expect(JSON.parse((await web.ask(path)).body)).toMatchObject({ url: path })
  })

  it('names the instance in answers to /status, and in no others', async () => {
    const instance = (await web.container.exec(['bash', '-c', 'echo $HOSTNAME'])).output.trim()
    expect((await web.ask('/status')).headers['x-web-instance']).toBe(instance)
    for (const path of ['/', '/read', '/ui/', '/healthz']) {
      expect((await web.ask(path)).headers).not.toHaveProperty('x-web-instance')
    }
    const alone = await stage.web(`${await stage.emptyAddress()}:9090`)
    expect(await alone.ask('/status')).toMatchObject({ status: 503, headers: { 'x-web-instance': expect.any(String) } })
    expect((await alone.ask('/ui/')).status).toBe(200)
  })
})
