import request from 'supertest'
import { describe, expect, it } from 'vitest'
import { client, createTestApp } from '../test-app.ts'

describe('/healthz', () => {
  it('is 200 without asking the database', async () => {
    const app = createTestApp(undefined, {
      client: { ...client, ping: () => Promise.reject(new Error('unavailable')) },
    })
    const response = await request(app).get('/healthz')
    expect({ status: response.status, text: response.text }).toEqual({ status: 200, text: 'ok' })
  })

  it('is 503 while draining', async () => {
    const response = await request(createTestApp(undefined, { isDraining: () => true })).get('/healthz')
    expect({ status: response.status, text: response.text }).toEqual({ status: 503, text: 'draining' })
  })

  it('is not refused by the limit of requests in flight', async () => {
    const app = createTestApp(undefined, { admission: { inFlightLimit: 0, eventLoopDelayLimitMs: 10_000 } })
    expect((await request(app).get('/healthz')).status).toBe(200)
    expect((await request(app).get('/things')).status).toBe(503)
  })
})

describe('/readyz', () => {
  it('is 200 while both endpoints answer', async () => {
    const response = await request(createTestApp()).get('/readyz')
    expect(response.status).toBe(200)
    expect(response.body).toEqual({ ready: true, draining: false, writer: 'ok', reader: 'ok' })
  })

  it('is 503 while an endpoint fails, and names it', async () => {
    const ping = async (endpoint: string) => {
      if (endpoint === 'reader') throw new Error('unavailable')
    }
    const response = await request(createTestApp(undefined, { client: { ...client, ping } })).get('/readyz')
    expect(response.status).toBe(503)
    expect(response.headers['retry-after']).toBe('1')
    expect(response.body).toEqual({ ready: false, draining: false, writer: 'ok', reader: 'failed' })
  })

  it('is 503 while draining, and closes the connection', async () => {
    const response = await request(createTestApp(undefined, { isDraining: () => true })).get('/readyz')
    expect(response.status).toBe(503)
    expect(response.headers.connection).toBe('close')
    expect(response.body).toMatchObject({ ready: false, draining: true })
  })
})
