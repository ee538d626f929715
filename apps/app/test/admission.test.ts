import express from 'express'
import { pino } from 'pino'
import request from 'supertest'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { admission } from '../src/admission.ts'
import { errorHandler } from '../src/errors.ts'

const waiting = new Set<() => void>()
const delay = { mean: 0, reset() {} }
let app: express.Express

beforeEach(() => {
  app = express()
  app.use(admission({ inFlightLimit: 16, eventLoopDelayLimitMs: 100 }, delay))
  app.get('/', (_req, res) => void waiting.add(() => res.end()))
  app.use(errorHandler(pino({ level: 'silent' })))
})

afterEach(() => release())

function release(): void {
  for (const answer of waiting) answer()
  waiting.clear()
}

/** Sends requests and gives the statuses of those that are answered, when all of them have arrived. */
async function send(count: number): Promise<number[]> {
  const statuses: number[] = []
  const answers = Array.from({ length: count }, () => request(app).get('/'))
  const all = Promise.all(answers.map((answer) => answer.then(({ status }) => statuses.push(status))))
  await vi.waitFor(() => expect(waiting.size + statuses.length).toBe(count), 5000)
  const early = [...statuses]
  release()
  await all
  return early
}

describe('admission', () => {
  it('refuses at once what is above the limit, and takes requests again when others have ended', async () => {
    expect(await send(20)).toEqual([503, 503, 503, 503])
    expect(await send(16)).toEqual([])
  })

  it('says when to come again', async () => {
    const all = Promise.all(Array.from({ length: 16 }, () => request(app).get('/').then()))
    await vi.waitFor(() => expect(waiting.size).toBe(16))
    const refused = await request(app).get('/')
    expect(refused.status).toBe(503)
    expect(refused.headers['retry-after']).toBe('1')
    expect(refused.body.title).toBe('Service Unavailable')
    release()
    await all
  })

  it('takes less while the event loop is late, never nothing, and all again when it is not', async () => {
    delay.mean = 150e6
    try {
      await vi.waitFor(async () => expect(await send(16)).toHaveLength(15), { timeout: 10_000 })
    } finally {
      delay.mean = 0
    }
    await vi.waitFor(async () => expect(await send(16)).toEqual([]), { timeout: 10_000 })
  })
})
