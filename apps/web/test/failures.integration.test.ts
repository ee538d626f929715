import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Answer, Stage, type Web } from './web.ts'

let stage: Stage
let web: Web

beforeAll(async () => {
  stage = await Stage.open()
  await stage.upstream()
  web = await stage.web()
})
afterAll(() => stage?.[Symbol.asyncDispose]())

/** Holds an error of Apache's own to RFC 9457, and to the id in its header. */
function expectProblem({ status, headers, body }: Answer, expected: number) {
  expect(status).toBe(expected)
  expect(headers).toMatchObject({ 'content-type': 'application/problem+json', 'retry-after': '1' })
  const requestId = headers['x-request-id']
  expect(requestId).toMatch(/^[0-9a-f]{32}$/)
  expect(JSON.parse(body)).toEqual({ type: 'about:blank', title: expect.any(String), status: expected, requestId })
}

async function timed(answer: Promise<Answer>): Promise<{ answer: Answer; seconds: number }> {
  const start = performance.now()
  return { answer: await answer, seconds: (performance.now() - start) / 1000 }
}

describe.concurrent('an app that fails', () => {
  it('without an answer is a 502', async () => {
    expectProblem(await web.ask('/die'), 502)
  })

  it('in the middle of a body cuts the response off', async () => {
    await expect(web.ask('/die-in-body')).rejects.toThrow('aborted')
  })

  it('by stalling is a 502 after 10 s', async () => {
    const { answer, seconds } = await timed(web.ask('/hold'))
    expectProblem(answer, 502)
    expect(seconds).toBeGreaterThan(9)
    expect(seconds).toBeLessThan(12)
  })

  it('is told to the log under the id of the response', async () => {
    const { headers } = await web.ask('/die')
    const requestId = headers['x-request-id']
    await vi.waitFor(async () => {
      const lines = (await web.log()).filter((line) => line.requestId === requestId)
      expect(lines).toContainEqual(expect.objectContaining({ path: '/die', status: 502, upstreamUs: '-' }))
      expect(lines).toContainEqual(
        expect.objectContaining({ level: 'error', message: expect.stringContaining('AH01102') }),
      )
    })
  })
})

describe.concurrent('an app that cannot be reached', () => {
  it('because it refuses is a 503 at once, and the next request tries again', async () => {
    const refused = await stage.web('127.0.0.1:9')
    for (let i = 0; i < 2; i += 1) {
      const { answer, seconds } = await timed(refused.ask('/'))
      expectProblem(answer, 503)
      expect(seconds).toBeLessThan(1)
    }
    const tries = (await refused.log()).filter(({ message }) => String(message).startsWith('AH00957'))
    expect(tries).toHaveLength(2)
    expect(await refused.ask('/healthz')).toMatchObject({ status: 200 })
  })

  it('because nothing answers is a 503 within 3 s', async () => {
    const { answer, seconds } = await timed((await stage.web(`${await stage.emptyAddress()}:9090`)).ask('/'))
    expectProblem(answer, 503)
    expect(seconds).toBeLessThan(3)
  })

  it('because its name is unknown is a 500', async () => {
    expectProblem(await (await stage.web('nowhere.invalid:9090')).ask('/'), 500)
  })
})
