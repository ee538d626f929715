import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { compareContracts } from '../../src/compatibility/contract.ts'

type Json = Record<string, unknown>

const ticket: Json = {
  type: 'object',
  properties: {
    id: { type: 'integer', minimum: 1 },
    title: { type: 'string', maxLength: 200, pattern: '^[a-z]' },
    state: { type: 'string', enum: ['open', 'closed'] },
    note: { anyOf: [{ type: 'string' }, { type: 'null' }] },
    parent: { $ref: '#/components/schemas/Ticket' },
  },
  required: ['id', 'title'],
  additionalProperties: false,
}

const newTicket: Json = {
  type: 'object',
  properties: {
    title: { type: 'string', maxLength: 200 },
    state: { enum: ['open', 'closed'] },
    stars: { type: 'integer', minimum: 0 },
    tags: { type: 'array', items: { type: 'string' }, maxItems: 5 },
  },
  required: ['title'],
}

const document = {
  openapi: '3.1.0',
  security: [],
  paths: {
    '/tickets/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string', pattern: '^[0-9]+$' } }],
      get: {
        security: [],
        parameters: [{ name: 'fields', in: 'query', schema: { type: 'string', default: 'all', enum: ['all', 'few'] } }],
        responses: {
          200: {
            description: 'The ticket',
            headers: { ETag: { required: true, schema: { type: 'string' } } },
            content: {
              'application/json': { schema: { $ref: '#/components/schemas/Ticket' } },
              'text/plain': { schema: { type: 'string' } },
            },
          },
          404: { $ref: '#/components/responses/NotFound' },
        },
      },
    },
    '/tickets': {
      post: {
        requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/NewTicket' } } } },
        responses: { 201: { description: 'Stored' } },
      },
    },
  },
  components: {
    schemas: { Ticket: ticket, NewTicket: newTicket },
    responses: {
      NotFound: { description: 'No such', content: { 'application/json': { schema: { type: 'object' } } } },
    },
  },
}

/** The document after a change of the value at a path; without a value, it is removed. */
function changed(path: string, value?: unknown): unknown {
  const copy = structuredClone(document)
  const keys = path.split(' ')
  const last = String(keys.pop())
  const parent = keys.reduce<Json>((at, key) => at[key] as Json, copy)
  if (value === undefined) delete parent[last]
  else parent[last] = value
  return copy
}

const get = 'paths /tickets/{id} get'
const post = 'paths /tickets post'
const read = 'components schemas Ticket'
const sent = 'components schemas NewTicket'

describe('a change that breaks a client', () => {
  it.each<[what: string, place: string, path: string, value?: unknown]>([
    ['a path is gone', 'POST /tickets', 'paths /tickets'],
    ['a path has another name', 'POST /tickets', 'paths', { '/tickets/{id}': document.paths['/tickets/{id}'] }],
    ['a method is gone', 'GET /tickets/{id}', get],
    ['an answer is gone', 'GET /tickets/{id}, answer 404', `${get} responses 404`],
    ['a shared answer is gone', 'components.responses.NotFound', 'components responses NotFound'],
    [
      'there is a new answer that is no error',
      'POST /tickets, answer 202',
      `${post} responses 202`,
      { description: 'Later' },
    ],
    ['a header is gone', 'GET /tickets/{id}, answer 200, header ETag', `${get} responses 200 headers`],
    [
      'a header may be missing',
      'GET /tickets/{id}, answer 200, header ETag',
      `${get} responses 200 headers ETag required`,
      false,
    ],
    [
      'a content type of an answer is gone',
      'GET /tickets/{id}, answer 200, text/plain',
      `${get} responses 200 content text/plain`,
    ],
    ['a content type of a body is gone', 'POST /tickets, body, application/json', `${post} requestBody content`, {}],
    ['there is no body any more', 'POST /tickets, body, application/json', `${post} requestBody`],
    ['a body is required', 'POST /tickets, body', `${post} requestBody required`, true],
    ['a parameter is gone', 'GET /tickets/{id}, query parameter fields', `${get} parameters`],
    ['a parameter is required', 'GET /tickets/{id}, query parameter fields', `${get} parameters 0 required`, true],
    [
      'a parameter has another default',
      'GET /tickets/{id}, query parameter fields',
      `${get} parameters 0 schema default`,
      'few',
    ],
    [
      'a parameter has fewer values',
      'GET /tickets/{id}, query parameter fields',
      `${get} parameters 0 schema enum`,
      ['all'],
    ],
    [
      'a parameter is new and required',
      'POST /tickets, header parameter Key',
      `${post} parameters`,
      [{ name: 'Key', in: 'header', required: true }],
    ],
    [
      'a parameter of the path is narrower',
      'GET /tickets/{id}, path parameter id',
      'paths /tickets/{id} parameters 0 schema pattern',
      '^[0-9]{3}$',
    ],
    ['all operations need an authorization', 'POST /tickets', 'security', [{ token: [] }]],
    ['one operation needs an authorization', 'POST /tickets', `${post} security`, [{ token: [] }]],
    ['a property of an answer is gone', 'components.schemas.Ticket.state', `${read} properties state`],
    ['a property of an answer may be missing', 'components.schemas.Ticket.title', `${read} required`, ['id']],
    [
      'a property of an answer has another type',
      'components.schemas.Ticket.id',
      `${read} properties id type`,
      'string',
    ],
    [
      'a property of an answer may be null',
      'components.schemas.Ticket.title',
      `${read} properties title type`,
      ['string', 'null'],
    ],
    [
      'an integer of an answer may be a fraction',
      'components.schemas.Ticket.id',
      `${read} properties id type`,
      'number',
    ],
    [
      'an answer has a new value',
      'components.schemas.Ticket.state',
      `${read} properties state enum`,
      ['open', 'closed', 'new'],
    ],
    ['an answer has any value', 'components.schemas.Ticket.state', `${read} properties state`, { type: 'string' }],
    [
      'an answer has a new alternative',
      'components.schemas.Ticket.note',
      `${read} properties note anyOf 2`,
      { type: 'integer' },
    ],
    ['a text of an answer is longer', 'components.schemas.Ticket.title', `${read} properties title maxLength`, 300],
    ['a text of an answer has no form', 'components.schemas.Ticket.title', `${read} properties title pattern`],
    ['a number of an answer is smaller', 'components.schemas.Ticket.id', `${read} properties id minimum`, 0],
    ['a property of a body is required', 'components.schemas.NewTicket.stars', `${sent} required`, ['title', 'stars']],
    [
      'a property of a body is new and required',
      'components.schemas.NewTicket.due',
      sent,
      { ...newTicket, properties: { ...(newTicket.properties as Json), due: {} }, required: ['title', 'due'] },
    ],
    ['a property of a body is gone', 'components.schemas.NewTicket.stars', `${sent} properties stars`],
    ['a body has no further properties', 'components.schemas.NewTicket', `${sent} additionalProperties`, false],
    ['a text of a body is shorter', 'components.schemas.NewTicket.title', `${sent} properties title maxLength`, 100],
    ['a text of a body is not empty', 'components.schemas.NewTicket.title', `${sent} properties title minLength`, 1],
    ['a text of a body has a form', 'components.schemas.NewTicket.title', `${sent} properties title format`, 'uri'],
    ['a number of a body is larger', 'components.schemas.NewTicket.stars', `${sent} properties stars minimum`, 1],
    [
      'a number of a body has an upper bound',
      'components.schemas.NewTicket.stars',
      `${sent} properties stars maximum`,
      9,
    ],
    ['a body has fewer values', 'components.schemas.NewTicket.state', `${sent} properties state enum`, ['open']],
    [
      'a value of a body has another type',
      'components.schemas.NewTicket.state',
      `${sent} properties state`,
      { type: 'integer' },
    ],
    [
      'an item of a body is narrower',
      'components.schemas.NewTicket.tags[]',
      `${sent} properties tags items`,
      { type: 'string', maxLength: 5 },
    ],
    ['a list of a body is shorter', 'components.schemas.NewTicket.tags', `${sent} properties tags maxItems`, 4],
    ['a part of a body is narrower', 'components.schemas.NewTicket.allOf[0]', `${sent} allOf`, [{ maxProperties: 1 }]],
  ])('is named: %s', (_what, place, path, value) => {
    const broken = compareContracts(document, changed(path, value))
    expect(broken.map((each) => each.place)).toEqual([place])
  })
})

describe('a change that no client notices', () => {
  it.each<[what: string, path: string, value?: unknown]>([
    ['nothing', 'openapi', '3.1.1'],
    ['a path is new', 'paths /notes', { get: { responses: {} } }],
    ['a method is new', 'paths /tickets get', { responses: {} }],
    ['an error is new', `${post} responses 409`, { description: 'Conflict' }],
    ['a parameter is new', `${post} parameters`, [{ name: 'Key', in: 'header', schema: { type: 'string' } }]],
    [
      'a parameter of the path has another name',
      'paths',
      {
        '/tickets': document.paths['/tickets'],
        '/tickets/{number}': {
          ...document.paths['/tickets/{id}'],
          parameters: [{ name: 'number', in: 'path', required: true, schema: { type: 'string', pattern: '^[0-9]+$' } }],
        },
      },
    ],
    ['a header is new', `${post} responses 201 headers`, { ETag: { schema: { type: 'string' } } }],
    ['a content type of an answer is new', `${post} responses 201 content`, { 'text/plain': {} }],
    ['a content type of a body is new', `${post} requestBody content text/csv`, {}],
    ['a property of an answer is new', `${read} properties due`, { type: 'string' }],
    ['a property of an answer is always there', `${read} required`, ['id', 'title', 'state']],
    ['an answer has fewer values', `${read} properties state enum`, ['open']],
    ['an answer is never null', `${read} properties note`, { type: 'string' }],
    ['a text of an answer is shorter', `${read} properties title maxLength`, 100],
    ['a property of a body is new', `${sent} properties due`, { type: 'string' }],
    ['a property of a body is optional', `${sent} required`, []],
    ['a property of a body may be null', `${sent} properties title type`, ['string', 'null']],
    ['an integer of a body may be a fraction', `${sent} properties stars type`, 'number'],
    ['a body has more values', `${sent} properties state enum`, ['open', 'closed', 'new']],
    ['a body may have any text', `${sent} properties state`, { type: 'string' }],
    ['a text of a body is longer', `${sent} properties title maxLength`],
    ['a description is another', `${read} properties title description`, 'What it is about'],
  ])('passes: %s', (_what, path, value) => {
    expect(compareContracts(document, changed(path, value))).toEqual([])
  })

  it('passes: the schema has another name', () => {
    const renamed = JSON.parse(JSON.stringify(document).replaceAll('NewTicket', 'TicketToCreate'))
    expect(compareContracts(document, renamed)).toEqual([])
  })

  it('passes: the document of this release', () => {
    const own = JSON.parse(readFileSync(join(repositoryRoot, 'apps/app/src/http/openapi.json'), 'utf8'))
    expect(compareContracts(own, own)).toEqual([])
    expect(compareContracts(own, { ...own, paths: {} })).not.toEqual([])
  })
})
