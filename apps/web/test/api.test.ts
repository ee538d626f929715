import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { sendOnce } from '../page/api.ts'

const unknown = { status: 503, type: '/openapi.json#/components/schemas/OutcomeUnknown' }
const unavailable = { status: 503, type: 'about:blank' }
const inProgress = { status: 409, type: 'about:blank' }
const refused = { status: 422, type: 'about:blank' }
const lost = { status: 0, type: '' }

/** Sends a save to a service that gives these responses in turn. Resolves with the error. */
async function saveWith(first: typeof unknown, second: typeof unknown): Promise<unknown> {
  const left = [first, second]
  const server = createServer((_req, res) => {
    const { status, type } = left.shift() ?? lost
    if (status === 0) res.destroy()
    else res.writeHead(status).end(JSON.stringify({ type, title: 'Failed', status }))
  }).listen(0)
  try {
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    return await sendOnce(`http://127.0.0.1:${port}/write`, { method: 'POST' }).catch((error: unknown) => error)
  } finally {
    server.close()
  }
}

describe.concurrent('the outcome of a save that was sent twice', () => {
  it.each([
    ['unknown', 'unavailable', unknown, unavailable],
    ['unknown', 'in progress', unknown, inProgress],
    ['lost', 'unavailable', lost, unavailable],
    ['unavailable', 'unknown', unavailable, unknown],
  ])('is not known: %s, then %s', async (_, __, first, second) => {
    const { status } = second
    expect(await saveWith(first, second)).toMatchObject({ response: { status }, outcomeUnknown: true })
  })

  it.each([
    ['unavailable', 'unavailable', unavailable, unavailable],
    ['unknown', 'refused', unknown, refused],
  ])('is known: %s, then %s', async (_, __, first, second) => {
    const { status } = second
    expect(await saveWith(first, second)).toMatchObject({ response: { status }, outcomeUnknown: false })
  })
})
