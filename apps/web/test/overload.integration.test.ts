import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Answer, Stage, type Web } from './web.ts'

let stage: Stage
let upstream: Awaited<ReturnType<Stage['upstream']>>
let web: Web

beforeAll(async () => {
  stage = await Stage.open()
  upstream = await stage.upstream()
  web = await stage.web()
})
afterAll(() => stage?.[Symbol.asyncDispose]())

describe('more than the app can take', () => {
  it('is refused at once, and 128 requests at a time are never more', async () => {
    const taken = Promise.all(Array.from({ length: 128 }, () => web.ask('/hold')))
    const held = async () => Number(await upstream.direct('/held'))
    await vi.waitFor(async () => expect(await held()).toBe(128), { timeout: 5000, interval: 50 })

    const refused: Answer[] = []
    const startedAt = performance.now()
    const more = Array.from({ length: 400 }, async () => {
      const answer = await web.ask('/hold')
      if (answer.status === 503) refused.push(answer)
      return answer.status
    })
    // Two processes hold 128 each at most.
    await vi.waitFor(() => expect(refused.length).toBeGreaterThanOrEqual(128 + 400 - 256), { timeout: 3000 })
    expect(performance.now() - startedAt).toBeLessThan(3000)
    // All others have been taken on: nobody is refused any more.
    await vi.waitFor(
      async () => expect(refused.length + Number(await upstream.direct('/held'))).toBe(128 + 400),
      10_000,
    )
    for (const { headers, body } of refused) {
      expect(headers).toMatchObject({ 'content-type': 'application/problem+json', 'retry-after': '1' })
      expect(JSON.parse(body)).toMatchObject({ status: 503 })
    }

    // Each has its line in the access log, and no other.
    const lines = async () =>
      (await web.log()).filter((line) => line.path === '/hold' || /AH00941/.test(String(line.message)))
    await vi.waitFor(async () => expect(await lines()).toHaveLength(refused.length), 10_000)

    await upstream.direct('/release')
    expect(new Set((await taken).map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(await Promise.all(more))).toEqual(new Set([200, 503]))
  })
})
