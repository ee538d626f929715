// `npm run openapi`: writes the OpenAPI document of the app and the page's types of it.
import { writeFileSync } from 'node:fs'
import { z } from 'zod'
import { contractEndpoints } from '../src/http/contract.ts'
import {
  commonResponses,
  consistencyTokenHeader,
  type Endpoint,
  type EndpointGroup,
  type Header,
  idempotencyKeyHeader,
  ifMatchHeader,
  type ResponseDefinition,
} from '../src/http/endpoint.ts'
import { healthEndpoints } from '../src/http/health.ts'
import { bodyTypes } from '../src/http/schema.ts'
import { statusEndpoints } from '../src/http/status.ts'
import { resources } from '../src/resources/index.ts'
import type { Resource } from '../src/resources/resource.ts'
import { apiTypes, type JsonSchema } from './api-types.ts'

/** The OpenAPI 3.1 document of an application with these resources. */
export function openapiDocument(groups: readonly Resource[]) {
  const added = Object.assign({}, ...groups.map(({ status }) => status))
  const service = {
    name: 'service',
    description: 'The service itself',
    endpoints: { ...statusEndpoints(added), ...healthEndpoints, ...contractEndpoints },
  }
  const components = createComponents()
  const tags: readonly EndpointGroup[] = [...groups, service]
  const paths: Record<string, Record<string, object>> = {}
  for (const { name, endpoints } of tags) {
    for (const [id, endpoint] of Object.entries(endpoints)) {
      paths[endpoint.path] = { ...paths[endpoint.path], [endpoint.method]: operation(id, name, endpoint, components) }
    }
  }
  const documented = tags.flatMap(({ endpoints }) =>
    Object.values(endpoints).flatMap((each) => Object.values(responsesOf(each))),
  )
  // Of any path, method and write, also by the tiers in front of the app; the others as they are used.
  const shared = Object.entries<ResponseDefinition>(commonResponses).filter(
    ([name, response]) =>
      ['NotFound', 'MethodNotAllowed', 'WriteUnavailable'].includes(name) || documented.includes(response),
  )
  const responses = mapValues(Object.fromEntries(shared), (response) => describeResponse(response, components))
  return {
    openapi: '3.1.0',
    info: {
      title: 'Three-tier',
      version: '1.0.0',
      description:
        'All times are UTC. Every response has an `X-Request-Id`, under which every tier logs the request. An unknown ' +
        'path is answered with 404, an unknown method with 405, a malformed request with 400, as ' +
        '`application/problem+json` (RFC 9457). Every 503 has a `Retry-After`, unless the outcome of a write is not ' +
        'known. The web page is at `/ui/`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [],
    tags: tags.map(({ name, description }) => ({ name, description })),
    paths,
    components: { headers: components.headers, responses, schemas: components.schemas },
  }
}

interface Components {
  readonly headers: Record<string, object>
  readonly schemas: Record<string, JsonSchema>
  /** The JSON schema of a zod schema. Those with an id become components. */
  schema(schema: z.ZodType): JsonSchema
}

function createComponents(): Components {
  const headers: Components['headers'] = {}
  const schemas: Components['schemas'] = {}
  return {
    headers,
    schemas,
    schema(schema) {
      // Within an object, also a schema with an id of its own becomes a reference.
      const { properties, $defs = {} } = inDocument(z.toJSONSchema(z.object({ it: schema }), { io: 'input' }))
      Object.assign(schemas, $defs)
      return properties?.it ?? {}
    },
  }
}

/** References of zod lead to `$defs`, and its integers have bounds that say no more than `integer`. */
function inDocument(schema: object): JsonSchema {
  const text = JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')
  return JSON.parse(text, (key, value) => {
    if (key === 'maximum' && value === Number.MAX_SAFE_INTEGER) return undefined
    return value
  })
}

function operation(id: string, tag: string, endpoint: Endpoint, components: Components): object {
  const { summary, description, params, query, body, keyed, consistent, conditional } = endpoint
  const parameters = [
    ...Object.entries(params?.shape ?? {}).map(([name, schema]) => parameter('path', name, schema, components)),
    ...Object.entries(query?.shape ?? {}).map(([name, schema]) => parameter('query', name, schema, components)),
    ...(keyed ? headerParameters(idempotencyKeyHeader, components) : []),
    ...(consistent ? headerParameters(consistencyTokenHeader, components) : []),
    ...(conditional ? headerParameters(ifMatchHeader, components) : []),
  ]
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: bodyContent(endpoint, components.schema(body)) } }),
    responses: mapValues(responsesOf(endpoint), (response) => {
      const [shared] = Object.entries(commonResponses).find(([, common]) => common === response) ?? []
      return shared ? { $ref: `#/components/responses/${shared}` } : describeResponse(response, components)
    }),
  }
}

/** Of a write, also those of what receives a body, for which it may have no use. */
const responsesOf = ({ method, safe, responses }: Endpoint): Readonly<Record<number, ResponseDefinition>> => ({
  ...responses,
  ...((method !== 'get' || safe === false) && { 413: commonResponses.TooLarge, 415: commonResponses.UnsupportedType }),
})

const bodyContent = (endpoint: Endpoint, schema: JsonSchema) =>
  Object.fromEntries(bodyTypes(endpoint).map((type) => [type, { schema }]))

function parameter(location: 'path' | 'query', name: string, schema: z.core.$ZodType, components: Components): object {
  const { description, ...rest } = components.schema(schema as z.ZodType)
  // Zod leaves out the default of what is not sent in the form that it has in the code.
  const absent = z.safeParse(schema, undefined)
  const required = !absent.success
  return {
    name,
    in: location,
    ...(required ? { required } : {}),
    ...(description === undefined ? {} : { description }),
    schema: { ...rest, ...(absent.data === undefined ? {} : { default: absent.data }) },
  }
}

function headerParameters(headers: Readonly<Record<string, Header>>, components: Components): object[] {
  return Object.entries(headers).map(([name, { schema, ...header }]) => {
    return { name, in: 'header', ...header, schema: components.schema(schema) }
  })
}

function describeResponse({ description, headers, content }: ResponseDefinition, components: Components): object {
  return {
    description,
    ...(headers === undefined ? {} : { headers: headerReferences(headers, components) }),
    ...(content && { content: mapValues(content, (schema) => ({ schema: components.schema(schema) })) }),
  }
}

function headerReferences(headers: Readonly<Record<string, Header>>, components: Components): object {
  return mapValues(headers, (header, name) => {
    const described = { ...header, schema: components.schema(header.schema) }
    components.headers[name] ??= described
    // A header that differs from the shared one of its name is described in place.
    const shared = JSON.stringify(components.headers[name]) === JSON.stringify(described)
    return shared ? { $ref: `#/components/headers/${name}` } : described
  })
}

function mapValues<Value, Result>(
  object: Readonly<Record<string, Value>>,
  map: (value: Value, key: string) => Result,
): Record<string, Result> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value, key)]))
}

if (import.meta.main) {
  const document = openapiDocument(resources)
  const root = new URL('../../../', import.meta.url)
  writeFileSync(new URL('apps/app/src/http/openapi.json', root), `${JSON.stringify(document, null, 2)}\n`)
  writeFileSync(new URL('apps/web/page/api-types.ts', root), apiTypes(document.components.schemas))
}
