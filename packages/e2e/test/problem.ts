import { expect } from 'vitest'

/** Expects an error as a problem, which names its request. */
export async function expectProblem(response: Response, status: number): Promise<void> {
  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(response.headers.has('allow')).toBe(status === 405)
  const requestId = response.headers.get('x-request-id')
  expect(requestId).toMatch(/^[A-Za-z0-9._-]{1,64}$/)
  expect(await response.json()).toMatchObject({ status, requestId })
}
