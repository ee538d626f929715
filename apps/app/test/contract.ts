import { text } from 'node:stream/consumers'
import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Express } from 'express'
import request from 'supertest'
import { expect } from 'vitest'
import document from '../src/http/openapi.json' with { type: 'json' }

/** The methods that an operation may have. */
const methods = ['get', 'post', 'put', 'patch', 'delete'] as const
type Method = (typeof methods)[number]

interface Header {
  readonly required?: boolean
  readonly schema: unknown
}

interface ResponseObject {
  readonly headers?: Record<string, Header | { $ref: string }>
  readonly content?: Record<string, { schema: unknown }>
}

interface Operation {
  readonly tags: readonly string[]
  readonly responses: Record<string, ResponseObject | { $ref: string }>
}

const paths: Record<string, Partial<Record<Method, Operation>>> = document.paths

const ajv = addFormats.default(new Ajv2020.default({ strict: false, allErrors: true }))
ajv.addSchema(document, 'contract')

/** What a `$ref` within the document refers to, or the object itself. */
function resolve<T>(object: T | { $ref: string }): T {
  const { $ref } = object as { $ref?: string }
  if ($ref === undefined) return object as T
  const parts = $ref.split('/').slice(1)
  return parts.reduce((at: unknown, name) => Object(at)[name], document) as T
}

/** The path of the document that a request's path belongs to. */
function templateOf(path: string): string {
  const [plain = path] = path.split('?')
  const matches = (template: string) => new RegExp(`^${template.replaceAll(/{\w+}/g, '[^/]+')}$`).test(plain)
  return plain in paths ? plain : (Object.keys(paths).find(matches) ?? plain)
}

function expectValid(schema: unknown, value: unknown, what: string): void {
  // References are relative to the document.
  const located = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"contract#/'))
  const validate = ajv.compile(located)
  expect(validate(value), `${what}: ${ajv.errorsText(validate.errors)}`).toBe(true)
}

/** Sends a request; its body is kept as text. */
async function send(
  app: Express,
  method: Method | 'head',
  path: string,
  headers: Record<string, string> = {},
  json?: object,
) {
  return request(app)
    [method](path)
    .set(headers)
    .send(json)
    .buffer(true)
    .parse((response, done) => void text(response as unknown as NodeJS.ReadableStream).then((body) => done(null, body)))
}

type Received = Awaited<ReturnType<typeof send>>

/** Compares a response with a response object of the document. */
function expectDocumented(received: Received, object: ResponseObject, what: string): void {
  const type = received.headers['content-type']
  if (object.content === undefined) {
    expect([type, received.body], `${what} has no body`).toEqual([undefined, ''])
  } else {
    const { schema } = object.content[String(type)] ?? {}
    expect(schema, `${what}: ${type} is documented`).toBeDefined()
    expectValid(schema, /[/+]json$/.test(String(type)) ? JSON.parse(received.body) : received.body, what)
  }
  for (const [name, reference] of Object.entries(object.headers ?? {})) {
    const header = resolve<Header>(reference)
    const value = received.headers[name.toLowerCase()]
    if (header.required || value !== undefined) expectValid(header.schema, value, `${what}: ${name}`)
  }
}

/** Holds an application to the operations that the OpenAPI document has under one tag. */
export function createContract(tag: string) {
  /** The responses that were received: `METHOD PATH STATUS TYPE`. */
  const received = new Set<string>()

  const operations = Object.entries(paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method]
      return operation?.tags.includes(tag) ? [{ method, path, operation }] : []
    }),
  )

  return {
    /** Sends a request, and compares its response with the document. */
    async expectResponse(
      app: Express,
      status: number,
      method: Method,
      path: string,
      headers: Record<string, string> = {},
      json?: object,
    ): Promise<Received> {
      const response = await send(app, method, path, headers, json)
      expect(response.status, `${method} ${path}`).toBe(status)
      const plain = templateOf(path)
      const documented = paths[plain]?.[method]?.responses[status]
      expect(documented, `${method} ${plain}: ${status} is documented`).toBeDefined()
      if (documented) expectDocumented(response, resolve(documented), `${method} ${path} ${status}`)
      received.add(`${method} ${plain} ${status} ${response.headers['content-type']}`)
      return response
    },

    /** Sends every method that a path does not have. `unsafe` are the paths whose GET does not allow HEAD. */
    async expectOtherMethodsRefused(app: Express, unsafe: readonly string[] = []): Promise<void> {
      for (const path of new Set(operations.map((operation) => operation.path))) {
        const allowed = methods.filter((method) => paths[path]?.[method])
        for (const method of methods.filter((candidate) => !allowed.includes(candidate))) {
          const response = await send(app, method, path.replaceAll(/{\w+}/g, '1'))
          expect(response.status, `${method} ${path}`).toBe(405)
          expectDocumented(response, document.components.responses.MethodNotAllowed, `${method} ${path}`)
          const names = allowed.flatMap((name) =>
            name === 'get' && !unsafe.includes(path) ? ['GET', 'HEAD'] : [name.toUpperCase()],
          )
          expect(response.headers.allow).toBe(names.join(', '))
        }
      }
    },

    async expectNotFound(app: Express, path: string): Promise<void> {
      const response = await send(app, 'get', path)
      expect(response.status).toBe(404)
      expectDocumented(response, document.components.responses.NotFound, `get ${path}`)
    },

    /** Every documented response but those of other tiers was received. */
    expectComplete(otherTiers: readonly string[] = []): void {
      const documented = operations.flatMap(({ method, path, operation }) =>
        Object.entries(operation.responses).flatMap(([status, response]) =>
          Object.keys(resolve<ResponseObject>(response).content ?? {}).map(
            (type) => `${method} ${path} ${status} ${type}`,
          ),
        ),
      )
      expect([...received, ...otherTiers].sort()).toEqual(documented.sort())
    },
  }
}
