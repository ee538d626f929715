import { waitFor } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { environment, shareWeb, web } from './shared-web.ts'
import type { WebResponse } from './test-environment.ts'

shareWeb()

/** Expects one of Apache's own errors: a problem of RFC 9457 with the request id of its header. */
function expectProblem({ status, headers, body }: WebResponse, expected: number) {
  expect(status).toBe(expected)
  expect(headers).toMatchObject({ 'content-type': 'application/problem+json', 'retry-after': '1' })
  const requestId = headers['x-request-id']
  expect(requestId).toMatch(/^[0-9a-f]{32}$/)
  expect(JSON.parse(body)).toEqual({ type: 'about:blank', title: expect.any(String), status: expected, requestId })
}

/** The status and body of an error after which a write may have been carried out. */
function expectOutcomeUnknown({ status, headers, body }: WebResponse, expected: number) {
  expect(status).toBe(expected)
  expect(headers['content-type']).toBe('application/problem+json')
  expect(headers['retry-after']).toBeUndefined()
  expect(JSON.parse(body)).toEqual({
    type: '/openapi.json#/components/schemas/OutcomeUnknown',
    title: 'Outcome Unknown',
    status: expected,
    detail: expect.stringContaining('not known'),
    requestId: headers['x-request-id'],
  })
}

describe.concurrent('the web tier, when the app fails', () => {
  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('says of a %s that it may have been carried out', async (method) => {
    expectOutcomeUnknown(await web.request('/die', { method }), 502)
  })

  it('answers 502 when it closes the connection', async () => {
    expectProblem(await web.request('/die'), 502)
  })

  it('cuts the response off when it does', async () => {
    await expect(web.request('/die-in-body')).rejects.toThrow('aborted')
  })

  it('answers 502 when it hangs', async () => {
    expectProblem(await web.request('/hang'), 502)
  })

  it('logs the error under the request id of the response', async () => {
    const { headers } = await web.request('/die')
    const requestId = headers['x-request-id']
    await waitFor('both log lines', async () => {
      const lines = (await web.log()).filter((line) => line.requestId === requestId)
      const access = lines.some(
        ({ path, status, upstreamUs }) => path === '/die' && status === 502 && upstreamUs === '-',
      )
      const error = lines.some(({ level, message }) => level === 'error' && String(message).startsWith('AH01102'))
      return access && error
    })
  })
})

describe.concurrent('the web tier, when the app cannot be reached', () => {
  it('answers 503 when it refuses connections, and tries again for each request', async () => {
    const refused = await environment.startWeb('127.0.0.1:9')
    for (const method of ['GET', 'POST']) expectProblem(await refused.request('/', { method }), 503)
    const attempts = async () =>
      (await refused.log()).filter(({ message }) => String(message).startsWith('AH00957')).length
    // The engine may have the lines later than the client has the responses.
    await waitFor('the log lines of both attempts', async () => (await attempts()) >= 2)
    expect(await attempts()).toBe(2)
    expect(await refused.request('/healthz')).toMatchObject({ status: 200 })
  })

  it('answers 503 when nothing responds at its address', async () => {
    const silent = await environment.startWeb(`${await environment.unusedAddress()}:9090`)
    expectProblem(await silent.request('/'), 503)
  })

  it('answers 500 when its name is unknown', async () => {
    const unknown = await environment.startWeb('nowhere.invalid:9090')
    expectProblem(await unknown.request('/'), 500)
  })
})
