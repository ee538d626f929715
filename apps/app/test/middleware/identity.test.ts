import request from 'supertest'
import { describe, expect, it } from 'vitest'
import type { Exchange } from '../../src/http/endpoint.ts'
import { HttpError } from '../../src/http/problem.ts'
import { send } from '../../src/http/send.ts'
import type { Identify } from '../../src/middleware/identity.ts'
import { collectLines, createTestApp } from '../test-app.ts'

/** By a header, as a load balancer sets it. */
const identify: Identify = async (req) => {
  const subject = req.get('X-Subject')
  if (subject === 'nobody') throw new HttpError(401, 'Please sign in.')
  return subject === undefined ? undefined : { subject }
}

const log = collectLines()
const answer = ({ identity, res }: Exchange<unknown>) =>
  send(res, 200, 'application/json', JSON.stringify(identity ?? null))
const app = createTestApp(answer, { identify, logger: log.logger })

describe('the identity of a request', () => {
  it('is that of its sender, in the handler and in the log', async () => {
    expect((await request(app).get('/things').set('X-Subject', 'user-7')).body).toEqual({ subject: 'user-7' })
    expect(log.lines.at(-1)).toMatchObject({ path: '/things', subject: 'user-7' })
  })

  it('is undefined for an unknown sender', async () => {
    expect((await request(app).get('/things')).body).toBeNull()
    expect(log.lines.at(-1)).not.toHaveProperty('subject')
  })

  it('can be refused', async () => {
    const { status, body } = await request(app).get('/things').set('X-Subject', 'nobody')
    expect([status, body.detail]).toEqual([401, 'Please sign in.'])
  })

  it('is not asked for by health checks', async () => {
    expect((await request(app).get('/healthz').set('X-Subject', 'nobody')).status).toBe(200)
  })

  it('is undefined unless it is set up', async () => {
    expect((await request(createTestApp(answer)).get('/things').set('X-Subject', 'user-7')).body).toBeNull()
  })
})
