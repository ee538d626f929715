import express from 'express'
import request from 'supertest'
import { describe, expect, it } from 'vitest'
import { errorHandler } from '../../http/problem.ts'
import { createRouter } from '../../http/router.ts'
import { json } from './list-format.ts'
import type { Page, PageQuery } from './page-reader.ts'
import { timesHandlers, toRange } from './routes.ts'
import { endpoints } from './schema.ts'

const now = Date.UTC(2026, 10, 22, 9, 33, 53)

describe('the range of counts', () => {
  it.each([
    ['minute', Date.UTC(2026, 10, 22, 8, 34), Date.UTC(2026, 10, 22, 9, 34)],
    ['hour', Date.UTC(2026, 10, 21, 10), Date.UTC(2026, 10, 22, 10)],
    ['day', Date.UTC(2026, 9, 24), Date.UTC(2026, 10, 23)],
  ] as const)('by default ends with the current %s', (per, from, to) => {
    expect(toRange({ per }, now)).toEqual({ per, from, to })
  })

  it('includes a period that has just begun', () => {
    const midnight = Date.UTC(2026, 10, 22)
    expect(toRange({ per: 'day' }, midnight).to).toBe(Date.UTC(2026, 10, 23))
  })

  it('is extended to complete periods', () => {
    const range = toRange({ per: 'hour', from: Date.UTC(2026, 0, 1, 1, 59), to: Date.UTC(2026, 0, 1, 2, 1) }, now)
    expect(range).toMatchObject({ from: Date.UTC(2026, 0, 1, 1), to: Date.UTC(2026, 0, 1, 3) })
  })

  it('must not be empty', () => {
    expect(() => toRange({ per: 'day', from: now, to: now - 86_400_000 }, now)).toThrow("'from' must be before 'to'.")
  })

  it('must not exceed 1,500 periods', () => {
    const day = 86_400_000
    expect(toRange({ per: 'day', from: 0, to: 1500 * day }, now).to).toBe(1500 * day)
    expect(() => toRange({ per: 'day', from: 0, to: 1500 * day + 1 }, now)).toThrow(
      'The range must not exceed 1,500 periods.',
    )
  })
})

describe('complete lists of more than a page', () => {
  it('leave places for short reads: a further one is refused', async () => {
    const last = Promise.withResolvers<Page>()
    const next = { dt: '2026-11-22 09:33:53.000', id: 1 }
    let streaming = 0
    const row = ({ prefix, suffix }: PageQuery['template']) => Buffer.from(`${prefix}2026-11-22 09:33:53${suffix}`)
    const page = async ({ limit, after, template }: PageQuery): Promise<Page> => {
      const text = row(template)
      if (after === undefined) return { text, next: limit > 1 ? next : undefined }
      streaming += 1
      return last.promise
    }
    const unused = () => Promise.reject(new Error('not used in this test'))
    const handlers = timesHandlers({ page, save: unused, saveOnce: unused, counts: unused }, 2)
    const app = express().use(createRouter(endpoints, handlers), errorHandler)

    const lists = Promise.all([request(app).get('/read').then(), request(app).get('/').then()])
    while (streaming < 2) await new Promise((resolve) => setImmediate(resolve))
    const refused = await request(app).get('/read')
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1'])
    expect((await request(app).get('/read?limit=1')).status).toBe(200)

    last.resolve({ text: row(json), next: undefined })
    expect((await lists).map(({ status }) => status)).toEqual([200, 200])
    expect((await request(app).get('/read?limit=1')).status).toBe(200)
  })
})
