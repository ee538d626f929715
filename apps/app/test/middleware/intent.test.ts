import request from 'supertest'
import { describe, expect, it } from 'vitest'
import { send } from '../../src/http/send.ts'
import { createTestApp } from '../test-app.ts'

let handled = 0
const app = createTestApp(({ res }) => {
  handled += 1
  send(res, 200, 'text/plain', 'done')
})

/** Sends the request; resolves with its status, and whether it was handled. */
async function get(path: string, headers: Record<string, string>) {
  const before = handled
  const { status, headers: sent, body } = await request(app).get(path).set(headers)
  return { status, handled: handled > before, cached: sent['cache-control'] !== 'no-store', title: body.title }
}

const fetched = (site: string, mode: string, destination: string) => ({
  'Sec-Fetch-Site': site,
  'Sec-Fetch-Mode': mode,
  'Sec-Fetch-Dest': destination,
})

const refused = [
  { 'Sec-Purpose': 'prefetch' },
  { 'Sec-Purpose': 'prefetch;prerender' },
  { 'Sec-Purpose': 'prefetch;anonymous-client-ip' },
  { 'Sec-Purpose': 'Prefetch', ...fetched('none', 'navigate', 'document') },
  { Purpose: 'prefetch' },
  { 'X-Purpose': 'preview' },
  { 'X-Moz': 'prefetch' },
  fetched('cross-site', 'no-cors', 'image'),
  fetched('cross-site', 'no-cors', 'script'),
  fetched('cross-site', 'no-cors', 'empty'),
  fetched('cross-site', 'cors', 'empty'),
  fetched('cross-site', 'navigate', 'iframe'),
  fetched('cross-site', 'navigate', 'frame'),
  fetched('cross-site', 'navigate', 'object'),
  fetched('same-site', 'no-cors', 'image'),
  fetched('same-origin', 'no-cors', 'image'),
  fetched('same-origin', 'no-cors', 'style'),
  { 'Sec-Fetch-Dest': 'image' },
  { 'Sec-Fetch-Site': 'cross-site' },
  { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' },
  { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'image' },
]

const accepted = [
  {},
  { Purpose: 'backup' },
  fetched('none', 'navigate', 'document'),
  fetched('cross-site', 'navigate', 'document'),
  fetched('same-origin', 'navigate', 'document'),
  fetched('same-origin', 'cors', 'empty'),
  fetched('same-site', 'cors', 'empty'),
  { 'Sec-Fetch-Site': 'none', 'Sec-Fetch-Mode': 'navigate' },
  { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' },
  // Node's own `fetch`.
  { 'Sec-Fetch-Mode': 'cors' },
]

describe('a GET that stores something', () => {
  it.each(refused)('is not carried out with %j', async (headers) => {
    expect(await get('/write-thing', headers)).toEqual({
      status: 403,
      handled: false,
      cached: false,
      title: 'Forbidden',
    })
  })

  it.each(accepted)('is carried out with %j', async (headers) => {
    expect(await get('/write-thing', headers)).toMatchObject({ status: 200, handled: true })
  })
})

describe('a GET that only reads', () => {
  it.each(refused)('is answered with %j', async (headers) => {
    expect(await get('/things', headers)).toMatchObject({ status: 200, handled: true })
  })
})
