import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { sendOnce } from '../page/api.ts'

const unknown = { status: 503, type: '/openapi.json#/components/schemas/OutcomeUnknown' }
const unavailable = { status: 503, type: 'about:blank' }
const inProgress = { status: 409, type: 'about:blank' }
const refused = { status: 422, type: 'about:blank' }
const late = { status: 408, type: 'about:blank' }
const stored = { status: 201, type: '' }
const lost = { status: 0, type: '' }

/** A service that gives these responses in turn, and collects the keys of the requests. */
async function serviceWith(responses: (typeof unknown)[]) {
  const keys: unknown[] = []
  const server = createServer((req, res) => {
    keys.push(req.headers['idempotency-key'])
    const { status, type } = responses.shift() ?? lost
    if (status === 0) res.destroy()
    else res.writeHead(status).end(JSON.stringify({ type, title: 'Answered', status }))
  }).listen(0)
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const save = (body?: string) =>
    sendOnce(`http://127.0.0.1:${port}/write`, { method: 'POST', ...(body && { body }) }).catch(
      (error: unknown) => error,
    )
  return { keys, save, [Symbol.dispose]: () => void server.close() }
}

/** Sends a save to a service that gives these responses in turn. Resolves with the error. */
async function saveWith(...responses: (typeof unknown)[]): Promise<unknown> {
  using service = await serviceWith(responses)
  return await service.save()
}

describe.concurrent('the outcome of a save that was sent twice', () => {
  it.each([
    ['unknown', 'unavailable', unknown, unavailable],
    ['unknown', 'in progress', unknown, inProgress],
    ['unknown', 'too late', unknown, late],
    ['lost', 'unavailable', lost, unavailable],
    ['unavailable', 'unknown', unavailable, unknown],
  ])('is not known: %s, then %s', async (_, __, first, second) => {
    const { status } = second
    expect(await saveWith(first, second)).toMatchObject({ response: { status }, outcomeUnknown: true })
  })

  it.each([
    ['unavailable', 'unavailable', unavailable, unavailable],
    ['unavailable', 'too late', unavailable, late],
    ['unknown', 'refused', unknown, refused],
  ])('is known: %s, then %s', async (_, __, first, second) => {
    const { status } = second
    expect(await saveWith(first, second)).toMatchObject({ response: { status }, outcomeUnknown: false })
  })
})

describe.concurrent('a save whose outcome is not known', () => {
  it.each([
    ['unknown', unknown],
    ['lost', lost],
  ])('has the same key when it is sent again: %s', async (_, first) => {
    using service = await serviceWith([first, unavailable, unavailable, inProgress, stored, stored])
    for (let attempt = 0; attempt < 2; attempt += 1) expect(await service.save()).not.toBeInstanceOf(Response)
    expect(await service.save()).toBeInstanceOf(Response)
    await service.save()
    const [key, ...others] = service.keys
    expect(others.slice(0, 4)).toEqual([key, key, key, key])
    expect(others.slice(4)).toEqual([expect.not.stringMatching(String(key))])
  })

  it('does not lend its key to another one', async () => {
    using service = await serviceWith([unknown, unknown, stored, stored])
    for (const body of ['a', 'b', 'a']) await service.save(body)
    const [a, repeated, b, later] = service.keys
    expect([repeated, later]).toEqual([a, a])
    expect(b).not.toBe(a)
  })

  it('stays unknown while it is in progress', async () => {
    using service = await serviceWith([unknown, unknown, inProgress, inProgress])
    await service.save()
    expect(await service.save()).toMatchObject({ response: { status: 409 }, outcomeUnknown: true })
  })
})

it('a save that was refused has another key when it is sent again', async () => {
  using service = await serviceWith([unavailable, unavailable, refused, stored])
  for (let attempt = 0; attempt < 3; attempt += 1) await service.save()
  expect(new Set(service.keys).size).toBe(3)
})
