import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { apiTypes } from '../../generate/api-types.ts'
import { openapiDocument } from '../../generate/openapi.ts'
import { integerParameter } from '../../src/http/schema.ts'
import { resources } from '../../src/resources/index.ts'
import { thingsResource } from '../test-app.ts'

const read = (file: string) => readFileSync(new URL(`../../../../${file}`, import.meta.url), 'utf8')

describe('npm run openapi', () => {
  const document = openapiDocument(resources)

  it('has been run since the schemas changed', () => {
    expect(JSON.parse(read('apps/app/src/http/openapi.json'))).toEqual(document)
    expect(read('apps/web/page/api-types.ts')).toBe(apiTypes(document.components.schemas))
  })
})

describe('openapiDocument', () => {
  const document = openapiDocument([thingsResource()])

  it('has a tag per resource, and one for the service itself', () => {
    expect(document.tags.map(({ name }) => name)).toEqual(['things', 'service'])
    expect(document.paths).toHaveProperty(['/things', 'get', 'tags'], ['things'])
  })

  it('has an operation per endpoint', () => {
    expect(Object.keys(document.paths)).toEqual([
      '/things',
      '/things/{id}',
      '/write-thing',
      '/status',
      '/healthz',
      '/readyz',
      '/openapi.json',
    ])
    expect(document.paths['/things']).toMatchObject({
      get: { operationId: 'readThing', summary: 'Reads' },
      post: { operationId: 'writeThing', summary: 'Writes' },
      put: {
        requestBody: {
          required: true,
          content: { 'application/json': { schema: { type: 'object', required: ['text'] } } },
        },
      },
    })
  })

  it('has the default of a query parameter', () => {
    const query = z.strictObject({ limit: integerParameter(1, 10).default(5).describe('The most things.') })
    const endpoints = { readThing: { method: 'get', path: '/things', summary: 'Reads', query, responses: {} } } as const
    expect(openapiDocument([{ ...thingsResource(), endpoints }]).paths).toHaveProperty(
      ['/things', 'get', 'parameters', 0, 'schema'],
      { type: 'integer', minimum: 1, maximum: 10, default: 5 },
    )
  })

  it('has the responses of what receives a body, for each write', () => {
    const { get, put, post } = document.paths['/things'] as Record<string, { responses: object }>
    const { get: writeByGet } = document.paths['/write-thing'] as Record<string, { responses: object }>
    for (const write of [put, post, writeByGet]) {
      expect(write?.responses).toMatchObject({
        413: { $ref: '#/components/responses/TooLarge' },
        415: { $ref: '#/components/responses/UnsupportedType' },
      })
    }
    expect(get?.responses).not.toHaveProperty('413')
  })

  it('describes query parameters as they are written in the query', () => {
    expect(document.paths).toHaveProperty(
      ['/things', 'get', 'parameters'],
      [
        {
          name: 'limit',
          in: 'query',
          description: 'The most things.',
          schema: { type: 'integer', minimum: 1, maximum: 10 },
        },
      ],
    )
  })

  it('describes what a request to one entry needs', () => {
    const { parameters, requestBody } = Object(document.paths['/things/{id}']?.patch)
    expect(parameters).toMatchObject([
      { name: 'id', in: 'path', required: true },
      { name: 'If-Match', in: 'header', required: true },
    ])
    expect(Object.keys(requestBody.content)).toEqual(['application/json', 'application/merge-patch+json'])
  })

  it('has the common responses that are used, and those of every path', () => {
    expect(Object.keys(document.components.responses).sort()).toEqual([
      'BadRequest',
      'MethodNotAllowed',
      'NotFound',
      'TooLarge',
      'Unavailable',
      'UnsupportedType',
      'WriteUnavailable',
    ])
  })

  it('refers to common responses and named schemas', () => {
    expect(document.paths).toHaveProperty(['/things', 'get', 'responses', '400'], {
      $ref: '#/components/responses/BadRequest',
    })
    expect(document.components.responses.BadRequest).toMatchObject({
      headers: { 'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' } },
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    })
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/([\w-]+)"/g)]
    expect(references.length).toBeGreaterThan(10)
    for (const [, kind = '', name = ''] of references) expect(document.components).toHaveProperty([kind, name])
  })

  it("has the resources' part of the status", () => {
    expect(document.components.schemas.Status?.properties).toMatchObject({ things: { type: 'integer' } })
  })

  it('describes an application without a resource as well', () => {
    expect(openapiDocument([]).tags.map(({ name }) => name)).toEqual(['service'])
  })
})

describe('apiTypes', () => {
  it('writes interfaces, unions, arrays and references', () => {
    const types = apiTypes({
      State: { enum: ['on', 'off', 3] },
      Thing: {
        type: 'object',
        description: 'A thing.',
        required: ['states', 'id'],
        properties: {
          states: { type: 'array', items: { $ref: '#/components/schemas/State' }, description: 'All of them.' },
          id: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
          done: { type: ['boolean', 'null'] },
          kind: { const: 'x' },
          tags: { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'boolean' }] } },
          at: { type: 'object', properties: { x: { type: 'number' } } },
        },
      },
    })
    expect(types).toBe(`// Generated from the app's schemas by \`npm run openapi\`.

/** The bodies of the API. */
export interface Schemas {
  readonly State: 'on' | 'off' | 3
  /** A thing. */
  readonly Thing: {
    /** All of them. */
    readonly states: readonly Schemas['State'][]
    readonly id: number | null
    readonly done?: boolean | null
    readonly kind?: 'x'
    readonly tags?: readonly (string | boolean)[]
    readonly at?: {
      readonly x?: number
    }
  }
}
`)
  })
})
