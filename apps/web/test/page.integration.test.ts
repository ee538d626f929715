import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { beforeAll, describe, expect, it } from 'vitest'
import { environment, shareWeb, web } from './shared-web.ts'

const page = join(repositoryRoot, 'apps/web/page')
shareWeb()

const problem = { type: 'about:blank', requestId: expect.any(String) }

/** The names of the files that the page loads, by those in the source. */
async function assets(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  const collect = (text: string, base: string) => {
    for (const [, path] of text.matchAll(/(?:(?:href|src)="|from ')([^"'/][^"']*\.\w+)["']/g)) {
      const { pathname } = new URL(String(path), `http://web${base}`)
      found.set(pathname.replace(/\.[0-9a-f]{16}(?=\.\w+$)/, ''), pathname)
    }
  }
  collect((await web.request('/ui/')).body, '/ui/')
  // A map's iteration includes what is added meanwhile.
  for (const path of found.values()) if (path.endsWith('.js')) collect((await web.request(path)).body, path)
  return found
}

describe('the files of the page', () => {
  let names: ReadonlyMap<string, string>
  let main: string

  beforeAll(async () => {
    names = await assets()
    main = String(names.get('/ui/main.js'))
  })

  it.each([
    ['/ui/page.css', 'text/css; charset=utf-8'],
    ['/ui/main.js', 'text/javascript; charset=utf-8'],
    ['/ui/services.js', 'text/javascript; charset=utf-8'],
    ['/ui/icon.svg', 'image/svg+xml'],
  ])('%s is %s, has a name by its content, and is cached for good', async (source, type) => {
    const path = String(names.get(source))
    expect(path).toMatch(/\.[0-9a-f]{16}\.\w+$/)
    const { status, headers, body } = await web.request(path)
    expect(status).toBe(200)
    expect(headers).toMatchObject({ 'content-type': type, 'cache-control': 'public, max-age=31536000, immutable' })
    expect(createHash('sha256').update(body).digest('hex')).toContain(/\.([0-9a-f]{16})\./.exec(path)?.[1])
    expect((await web.request(source)).status).toBe(404)
  })

  it.each(['/ui/', '/ui/index.html'])('%s is never cached', async (path) => {
    const { status, headers } = await web.request(path)
    expect(status).toBe(200)
    expect(headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
  })

  it.each(['/ui/', '/ui/main.js'])('%s has the policy', async (source) => {
    const path = names.get(source) ?? source
    const { headers, body } = await web.request(path)
    expect(headers).toMatchObject({
      'content-security-policy': expect.stringMatching(/^default-src 'none'; script-src 'self'; style-src 'self'; /),
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    expect(body.length).toBeGreaterThan(100)
    expect(await web.request(path, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
  })

  it('are modules without types that import each other', async () => {
    expect([...names.keys()]).toEqual(expect.arrayContaining(['/ui/api.js', '/ui/services.js']))
    for (const path of names.values()) {
      const { status, body } = await web.request(path)
      expect(status, path).toBe(200)
      if (path.endsWith('.js')) expect(body, path).not.toMatch(/: Promise</)
    }
  })

  it('that this release does not have are asked for again, at another instance, eight times', async () => {
    const path = '/ui/main.0123456789abcdef.js'
    let target = path
    for (let repetition = 1; repetition <= 8; repetition++) {
      const { status, headers } = await web.request(target, { headers: { Host: 'elsewhere.example' } })
      expect({ status, location: headers.location }).toEqual({
        status: 307,
        location: `${path}?${'r'.repeat(repetition)}`,
      })
      expect(headers).not.toHaveProperty('cache-control')
      target = String(headers.location)
    }
    expect((await web.request(target)).status).toBe(404)
    expect((await web.request(`${main}?rr`)).status).toBe(200)
  })

  it('include the HTML of each resource', async () => {
    const { body } = await web.request('/ui/')
    expect(body).not.toContain('<!-- resources:')
    // The names of its files are those by their content.
    const withoutNames = (text: string) => text.replaceAll(/(?:href|src)="[^"]*"/g, '')
    for (const file of globSync('*/*.html', { cwd: page })) {
      expect(withoutNames(body)).toContain(withoutNames(readFileSync(join(page, file), 'utf8')))
    }
  })

  it('are compressed and keep their ETag', async () => {
    const accepted = { 'Accept-Encoding': 'gzip' }
    const { headers } = await web.request(main, { headers: accepted })
    expect(headers['content-encoding']).toBe('gzip')
    expect(headers.etag).toBe((await web.request(main)).headers.etag)
    const cached = { headers: { ...accepted, 'If-None-Match': String(headers.etag) } }
    expect((await web.request(main, cached)).status).toBe(304)
    const parts: string[] = []
    for await (const part of web.stream(main, accepted)) parts.push(part)
    expect(parts.join('')).toBe((await web.request(main)).body)
  })
})

describe('other paths', () => {
  it('/robots.txt allows crawlers the page alone', async () => {
    const { status, headers, body } = await web.request('/robots.txt')
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8'])
    expect(body).toBe('User-agent: *\nAllow: /ui/\nDisallow: /\n')
    expect(await web.request('/robots.txt', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
    expect(await web.request('/robots.txt', { method: 'POST' })).toMatchObject({
      status: 405,
      headers: { allow: expect.stringMatching(/^GET, HEAD(, )?$/) },
    })
  })

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
