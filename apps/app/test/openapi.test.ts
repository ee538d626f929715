import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, it } from 'vitest'
import document from '../src/http/openapi.json' with { type: 'json' }
import { resources } from '../src/resources/index.ts'
import { createContract } from './contract.ts'
import { client, createTestApp } from './test-app.ts'

const contract = createContract('service')
/** The resources of the document, whose database is unavailable. */
const registered = resources.map((resource) =>
  resource.create({ client, settings: {}, instrument: (_name, work) => work }),
)
const app = createTestApp(undefined, { resources: registered })
const overloaded = createTestApp(undefined, { admission: { inFlightLimit: 0, eventLoopDelayLimitMs: 10_000 } })
const draining = createTestApp(undefined, { isDraining: () => true })

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator()
    expect(await validator.validate(structuredClone(document))).toEqual({ valid: true })
    expect(validator.version).toBe('3.1')
  })
})

describe("the service's responses are as documented", () => {
  it.each(['/healthz', '/readyz', '/status', '/openapi.json'])('for %s', async (path) => {
    await contract.expectResponse(app, 200, 'get', path)
  })

  it('for a malformed request', async () => {
    await contract.expectResponse(app, 400, 'get', '/status?x=1')
  })

  it('while draining', async () => {
    for (const path of ['/healthz', '/readyz']) await contract.expectResponse(draining, 503, 'get', path)
  })

  it('while the service is overloaded', async () => {
    for (const path of ['/status', '/openapi.json']) await contract.expectResponse(overloaded, 503, 'get', path)
  })

  it('for unknown methods and paths', async () => {
    await contract.expectOtherMethodsRefused(app)
    await contract.expectNotFound(app, '/nope')
  })

  it('completely', () => {
    contract.expectComplete(['get /healthz 503 application/problem+json'])
  })
})
