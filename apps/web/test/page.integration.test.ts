import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestEnvironment, type TestEnvironment, type Web } from './test-environment.ts'

const page = join(repositoryRoot, 'apps/web/page')
let environment: TestEnvironment
let web: Web

beforeAll(async () => {
  environment = await openTestEnvironment()
  await environment.startUpstream()
  web = await environment.startWeb()
})
afterAll(() => environment?.[Symbol.asyncDispose]())

const problem = { type: 'about:blank', requestId: expect.any(String) }

describe('the files of the page', () => {
  it.each([
    ['/ui/', 'text/html; charset=utf-8'],
    ['/ui/index.html', 'text/html; charset=utf-8'],
    ['/ui/page.css', 'text/css; charset=utf-8'],
    ['/ui/main.js', 'text/javascript; charset=utf-8'],
    ['/ui/entries.js', 'text/javascript; charset=utf-8'],
    ['/ui/entries.css', 'text/css; charset=utf-8'],
    ['/ui/icon.svg', 'image/svg+xml'],
  ])('%s is %s, with the policy, and is revalidated', async (path, type) => {
    const { status, headers, body } = await web.request(path)
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-type': type,
      'cache-control': 'no-cache',
      'content-security-policy': expect.stringMatching(/^default-src 'none'; script-src 'self'; style-src 'self'; /),
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    expect(body.length).toBeGreaterThan(100)
    const cached = { headers: { 'If-None-Match': String(headers.etag) } }
    expect(await web.request(path, cached)).toMatchObject({ status: 304, body: '' })
    expect(await web.request(path, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
  })

  it('are modules without types that import each other', async () => {
    const modules = new Set(['/ui/main.js'])
    // A set's iteration includes what is added meanwhile.
    for (const path of modules) {
      const { status, body } = await web.request(path)
      expect(status, path).toBe(200)
      expect(body, path).not.toMatch(/: Promise</)
      for (const [, specifier] of body.matchAll(/from '(.*)'/g))
        modules.add(new URL(String(specifier), `http://web${path}`).pathname)
    }
    expect([...modules]).toEqual(expect.arrayContaining(['/ui/api.js', '/ui/services.js']))
  })

  it('include the HTML of each resource', async () => {
    const { body } = await web.request('/ui/')
    expect(body).not.toContain('<!-- resources:')
    for (const file of globSync('*/*.html', { cwd: page }))
      expect(body).toContain(readFileSync(join(page, file), 'utf8'))
  })

  it('are compressed and keep their ETag', async () => {
    const accepted = { 'Accept-Encoding': 'gzip' }
    const { headers } = await web.request('/ui/main.js', { headers: accepted })
    expect(headers['content-encoding']).toBe('gzip')
    expect(headers.etag).toBe((await web.request('/ui/main.js')).headers.etag)
    const cached = { headers: { ...accepted, 'If-None-Match': String(headers.etag) } }
    expect((await web.request('/ui/main.js', cached)).status).toBe(304)
    const parts: string[] = []
    for await (const part of web.stream('/ui/main.js', accepted)) parts.push(part)
    expect(parts.join('')).toBe((await web.request('/ui/main.js')).body)
  })
})

describe('other paths', () => {
  it('/ui redirects to /ui/ without naming a host', async () => {
    const response = await web.request('/ui', { headers: { Host: 'elsewhere.example' } })
    expect(response).toMatchObject({
      status: 308,
      headers: { location: '/ui/', 'content-type': 'application/problem+json' },
    })
  })

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s below /ui/ is refused', async (method) => {
    for (const path of ['/ui/', '/ui/main.js']) {
      const response = await web.request(path, { method })
      // Apache appends an empty list element, which has no meaning (RFC 9110, 5.6.1).
      expect(response).toMatchObject({ status: 405, headers: { allow: expect.stringMatching(/^GET, HEAD(, )?$/) } })
      expect(JSON.parse(response.body)).toEqual({ ...problem, title: 'Method Not Allowed', status: 405 })
    }
  })

  it.each(['/ui/nope', '/ui/main.ts', '/ui/tsconfig.json', '/ui/index.html/x'])('%s does not exist', async (path) => {
    const response = await web.request(path)
    expect([403, 404]).toContain(response.status)
    expect(response.headers['content-type']).toBe('application/problem+json')
    expect(JSON.parse(response.body)).toMatchObject(problem)
  })

  it.each(['/uix', '/x/ui/', '/'])('%s is forwarded to the app', async (path) => {
    expect(JSON.parse((await web.request(path)).body)).toMatchObject({ url: path })
  })

  it('names the instance only in responses to /status', async () => {
    const instance = (await web.container.exec(['bash', '-c', 'echo $HOSTNAME'])).output.trim()
    expect((await web.request('/status')).headers['x-web-instance']).toBe(instance)
    for (const path of ['/', '/list', '/ui/', '/healthz']) {
      expect((await web.request(path)).headers).not.toHaveProperty('x-web-instance')
    }
    const silent = await environment.startWeb(`${await environment.unusedAddress()}:9090`)
    expect(await silent.request('/status')).toMatchObject({
      status: 503,
      headers: { 'x-web-instance': expect.any(String) },
    })
    expect((await silent.request('/ui/')).status).toBe(200)
  })
})
