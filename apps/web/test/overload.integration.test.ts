import { once } from 'node:events'
import { connect } from 'node:net'
import { docker, waitFor } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { shareWeb, upstream, web } from './shared-web.ts'
import type { WebResponse } from './test-environment.ts'

shareWeb()

const post = { method: 'POST' }
const held = async () => Number(await upstream.get('/held'))

describe('an overloaded app', () => {
  it('gets at least 128 and at most 256 concurrent requests; the others are refused while those wait', async () => {
    const first = Promise.all(Array.from({ length: 128 }, () => web.request('/hold', post)))
    await waitFor('128 requests at the app', async () => (await held()) === 128)

    const refused: WebResponse[] = []
    const more = Promise.all(
      Array.from({ length: 400 }, async () => {
        const response = await web.request('/hold', post)
        if (response.status === 503) refused.push(response)
        return response.status
      }),
    )
    await waitFor('each request at the app or refused', async () => refused.length + (await held()) === 128 + 400)
    // Two processes hold 128 requests each.
    expect(refused.length).toBeGreaterThanOrEqual(128 + 400 - 256)
    for (const { headers, body } of refused) {
      expect(headers).toMatchObject({ 'content-type': 'application/problem+json', 'retry-after': '1' })
      expect(JSON.parse(body)).toMatchObject({ status: 503 })
    }

    // A refusal writes one line to the access log and none to the error log.
    const lines = async () =>
      (await web.log()).filter((line) => line.path === '/hold' || /AH00941/.test(String(line.message)))
    await waitFor('a log line for each refusal', async () => (await lines()).length >= refused.length)
    expect(await lines()).toHaveLength(refused.length)

    await upstream.get('/release')
    expect(new Set((await first).map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(await more)).toEqual(new Set([200, 503]))
  })

  it('gets at least 128 and at most 256 reads, which take no places of other requests', async () => {
    // So that some are refused while others connect.
    await docker(['update', '--cpus', '0.1', web.container.getId()])
    let refused = 0
    const reads = Promise.all(
      Array.from({ length: 500 }, async () => {
        const { status } = await web.request('/hold')
        if (status === 503) refused += 1
      }),
    )
    await waitFor('each read at the app or refused', async () => refused + (await held()) === 500)
    expect(await held()).toBeGreaterThanOrEqual(128)
    expect(await held()).toBeLessThanOrEqual(256)
    const messages = (await web.log()).flatMap(({ message }) => message ?? [])
    expect(messages).not.toContainEqual(expect.stringMatching(/failed to make connection/))

    const others = await Promise.all([
      ...Array.from({ length: 20 }, () => web.request('/status')),
      ...Array.from({ length: 100 }, () => web.request('/anything', post)),
    ])
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set([200]))
    await upstream.get('/release')
    await reads
  })

  it.each(['/status', '/readyz'])(
    'gets at least 32 and at most 64 of %s, which take no places of others',
    async (path) => {
      let refused = 0
      const checks = Promise.all(
        Array.from({ length: 300 }, async () => {
          const { status } = await web.request(`${path}?hold`)
          if (status === 503) refused += 1
        }),
      )
      await waitFor('each check at the app or refused', async () => refused + (await held()) === 300)
      expect(await held()).toBeGreaterThanOrEqual(32)
      expect(await held()).toBeLessThanOrEqual(64)
      const others = await Promise.all([
        ...Array.from({ length: 100 }, () => web.request('/anything', post)),
        ...Array.from({ length: 20 }, () => web.request('/anything', { ...post, body: 'x' })),
        ...Array.from({ length: 20 }, () => web.request('/list')),
      ])
      expect(new Set(others.map(({ status }) => status))).toEqual(new Set([200]))
      await upstream.get('/release')
      await checks
    },
  )
})

describe('clients that send their bodies slowly', () => {
  // Those of a read take its own.
  it.each([
    { target: 'POST /slow', others: 'reads', other: () => web.request('/list') },
    ...['/slow', '/status', '/readyz', '/openapi.json'].map((path) => ({
      target: `GET ${path}`,
      others: 'writes with a body',
      other: () => web.request('/anything', { ...post, body: 'x' }),
    })),
  ])('with $target, take no places of requests without a body, checks and $others', async ({ target, other }) => {
    const { host, port } = web.address()
    const head = `${target} HTTP/1.1\r\nHost: web\r\nContent-Length: 100\r\n\r\n`
    const slow = Array.from({ length: 300 }, () => connect(port, host).on('error', () => {}))
    try {
      await Promise.all(slow.map((socket) => once(socket, 'connect')))
      for (const socket of slow) socket.write(head)
      // Each of the two processes has fewer connections for them: the others are refused.
      await waitFor('a refused one', async () => slow.some((socket) => socket.readableLength > 0))
      const others = await Promise.all([
        ...Array.from({ length: 100 }, () => web.request('/anything', post)),
        ...Array.from({ length: 20 }, () => web.request('/status')),
        ...Array.from({ length: 20 }, other),
      ])
      expect(new Set(others.map(({ status }) => status))).toEqual(new Set([200]))
    } finally {
      for (const socket of slow) socket.destroy()
    }
    const body = 'complete'
    await waitFor('the places are free again', async () => {
      const response = await web.request('/anything?at=1', { ...post, body })
      return response.status === 200 && JSON.parse(response.body).body === body
    })
  })
})
