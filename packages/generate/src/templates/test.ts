import { type Field, longestText } from '../fields.ts'
import { isIndexed } from '../keys.ts'
import type { Names } from '../names.ts'
import { grouped, kindOf, varies } from './kinds.ts'

/** `NAME.integration.test.ts`: the resource on a real server. */
export function test(names: Names, fields: readonly Field[]): string {
  const { plural, folder, words, aWord, pluralWords, table } = names
  const path = `/${folder}`
  const differ = fields.some(varies)
  const sample = (n: number) => (differ ? `sample(${n})` : 'sample')
  const create = (n: number) => (differ ? `create(${n})` : 'create()')
  const references = [...new Set(fields.flatMap(({ type }) => (type.kind === 'ref' && !type.self ? [type.table] : [])))]
  const refersToItself = fields.some(({ type }) => type.kind === 'ref' && type.self)
  const missing = fields.find(({ optional }) => !optional)
  const uniques = fields.filter(({ unique, type }) => unique && !(type.kind === 'ref' && type.self))
  const filter =
    fields.find(({ unique, type }) => unique && type.kind !== 'ref') ??
    fields.find((field) => isIndexed(field) && !(field.type.kind === 'ref' && field.type.self))
  const long = fields.find(({ type }) => type.kind === 'text') ?? fields.find(({ type }) => type.kind === 'string')
  const changes = changesOf(fields, sample(2))
  return `import { createDatabaseClient, type DatabaseClient } from '@repo/db'
import { type MigratedServer, startMigrated } from '@repo/db/testing'
import type { Express } from 'express'
import request from 'supertest'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createContract } from '../../../test/contract.ts'
import { createTestApp } from '../../../test/test-app.ts'
import { ${plural} } from './resource.ts'

let server: MigratedServer
let client: DatabaseClient
let app: Express

beforeAll(async () => {
  server = await startMigrated()
  client = createDatabaseClient(server.options)
  app = createTestApp(undefined, {
    resources: [${plural}.create({ client, settings: {}, instrument: (_name, work) => work })],
  })
${references.length === 0 ? '' : `  // Of other entries, only the id matters here.\n`}${references.map((other) => `  await server.mysql.sql('SET foreign_key_checks = 0; DROP TABLE ${other}; CREATE TABLE ${other} (id BIGINT UNSIGNED PRIMARY KEY); INSERT INTO ${other} VALUES (1), (2)')\n`).join('')}})

afterAll(async () => {
  await client?.close()
  await server?.mysql[Symbol.asyncDispose]()
})

beforeEach(() => server.mysql.sql('${refersToItself ? 'SET foreign_key_checks = 0; ' : ''}DELETE FROM ${table}'))

${
  differ
    ? `/** The fields of ${aWord}; those of 1 and 2 are different. */
const sample = (n: number) => ({`
    : `/** The fields of ${aWord}. */
const sample = {`
}
  ${fields.map((field) => `${field.name}: ${kindOf(field).sample},`).join('\n  ')}
}${differ ? ')' : ''}

const create = (${differ ? 'n: number' : ''}) => request(app).post('${path}').send(${differ ? 'sample(n)' : 'sample'})

/** A request to one ${words}, in the state that an answer had. */
const change = (method: 'patch' | 'delete', { headers, body }: request.Response) =>
  request(app)[method](\`${path}/\${body.id}\`).set('If-Match', String(headers.etag))

describe('${path}', () => {
  it('lists [] when nothing is stored', async () => {
    const { status, body } = await request(app).get('${path}')
    expect([status, body]).toEqual([200, []])
  })

  it('stores ${aWord} and reads it', async () => {
    const created = await ${create(1)}
    expect(created.status).toBe(201)
    const { id } = created.body
    const stored = { id, createdAt: expect.stringMatching(/^\\d{4}-.*Z$/), ...${sample(1)} }
    expect(created.body).toEqual(stored)
    expect(created.headers.location).toBe(\`${path}/\${id}\`)
    const read = await request(app).get(\`${path}/\${id}\`)
    expect([read.status, read.text, read.headers.etag]).toEqual([200, created.text, created.headers.etag])
  })

  it('lists ${pluralWords} in pages, newest first', async () => {
    await ${create(1)}
    await ${create(2)}
    await ${create(3)}
    const first = await request(app).get('${path}?limit=2')
    const [, next = ''] = /^<(.*)>; rel="next"$/.exec(String(first.headers.link)) ?? []
    const last = await request(app).get(next)
    expect([...first.body, ...last.body]).toMatchObject([${sample(3)}, ${sample(2)}, ${sample(1)}])
    expect(last.headers.link).toBeUndefined()
  })

${
  filter === undefined
    ? ''
    : `  it('lists only ${pluralWords} with a value', async () => {
    await ${create(1)}
    const list = (value: unknown) => request(app).get('${path}').query({ ${filter.name}: value })
    expect((await list(${sample(1)}.${filter.name})).body).toMatchObject([${sample(1)}])
    ${
      varies(filter) && !(filter.unique && filter.type.kind === 'ref')
        ? `expect((await list(sample(2).${filter.name})).body).toEqual([])`
        : ''
    }
  })

`
}${
  long === undefined
    ? ''
    : `  it('stores the longest ${long.name} that is valid', async () => {
    const longest = '😀'.repeat(${grouped(long.type.kind === 'string' ? long.type.length : longestText)})
    const store = (value: string) => request(app).post('${path}').send({ ...${sample(1)}, ${long.name}: value })
    expect((await store(longest)).body).toMatchObject({ ${long.name}: longest })
    expect((await store(\`\${longest}😀\`)).body.errors).toMatchObject([{ field: '${long.name}' }])
  })

`
}  it('lists ${aWord} for the token of its answer', async () => {
    const { headers, body } = await ${create(1)}
    const list = await request(app).get('${path}').set('Consistency-Token', String(headers['consistency-token']))
    expect(list.body).toEqual([body])
  })

  it('stores ${aWord} once for all requests with the same Idempotency-Key', async () => {
    const post = () => ${create(1)}.set('Idempotency-Key', 'a key')
    const [first, second] = [await post(), await post()]
    expect([second.status, second.headers['idempotency-replayed'], second.text]).toEqual([201, 'true', first.text])
    expect((await request(app).get('${path}')).body).toHaveLength(1)
  })

  it('answers 422 with the name of each invalid field', async () => {
    const invalid = { ${fields.map((field) => `${field.name}: ${kindOf(field).invalid}`).join(', ')}, is_admin: true }
    const { status, body } = await request(app).post('${path}').send(invalid)
    expect(status).toBe(422)
    expect(body.errors.map(({ field }: { field: string }) => field)).toEqual(Object.keys(invalid))
  })
${
  missing === undefined
    ? ''
    : `
  it('answers 422 without a required field', async () => {
    const { status, body } = await request(app).post('${path}').send({ ...${sample(1)}, ${missing.name}: undefined })
    expect([status, body.errors[0].field]).toEqual([422, '${missing.name}'])
  })
`
}${uniques
  .map(
    ({ name }) => `
  it('answers 422 when the ${name} is taken', async () => {
    await ${create(1)}
    const { status, body } = await request(app).post('${path}').send({ ...${sample(2)}, ${name}: ${sample(1)}.${name} })
    expect([status, body.errors]).toEqual([422, [{ field: '${name}', detail: 'is taken' }]])
  })
`,
  )
  .join('')}${fields
  .filter(({ type }) => type.kind === 'ref')
  .map(
    ({ name }) => `
  it('answers 422 when the ${name} does not exist', async () => {
    const { status, body } = await request(app).post('${path}').send({ ...${sample(1)}, ${name}: 999 })
    expect([status, body.errors]).toEqual([422, [{ field: '${name}', detail: 'does not exist' }]])
  })
`,
  )
  .join('')}})

describe('${path}/{id}', () => {${changes === undefined ? conditions(create(1)) : changing(create(1), changes, refersToItself && !differ)}
  it('deletes ${aWord}', async () => {
    const created = await ${create(1)}
    expect((await change('delete', created)).status).toBe(204)
    expect((await request(app).get(String(created.headers.location))).status).toBe(404)
    expect((await change('delete', created)).status).toBe(404)
  })

  it.each(['0', '999999', 'x'])('answers 404 to %s', async (id) => {
    const { status, type } = await request(app).get(\`${path}/\${id}\`)
    expect([status, type]).toEqual([404, 'application/problem+json'])
  })
})

it('responds as the OpenAPI document describes', async () => {
  const contract = createContract('${folder}')
  const { body, headers } = await ${create(1)}
  const path = \`${path}/\${body.id}\`
  const current = { 'If-Match': String(headers.etag) }
  await contract.expectResponse(app, 200, 'get', '${path}?limit=1')
  await contract.expectResponse(app, 400, 'get', '${path}?limit=0')
  await contract.expectResponse(app, 201, 'post', '${path}', {}, ${sample(2)})
  await contract.expectResponse(app, 413, 'post', '${path}', {}, { is_admin: 'x'.repeat(131_072) })
  await contract.expectResponse(app, 422, 'post', '${path}', {}, { is_admin: true })
  await contract.expectResponse(app, 200, 'get', path)
  await contract.expectResponse(app, 428, 'patch', path, {}, {})
  await contract.expectResponse(app, 412, 'patch', path, { 'If-Match': '"another"' }, {})
  await contract.expectResponse(app, 200, 'patch', path, current, {})
  await contract.expectResponse(app, 204, 'delete', path, current)
  await contract.expectResponse(app, 404, 'get', path)
  await contract.expectOtherMethodsRefused(app)
})
`
}

/** Another value of a field, as a property; undefined if there is none. */
function changesOf(fields: readonly Field[], sample: string): string | undefined {
  const field = fields.find(varies)
  if (field !== undefined) return `${field.name}: ${sample}.${field.name}`
  const self = fields.find(({ type }) => type.kind === 'ref')
  if (self !== undefined) return `${self.name}: created.body.id`
  const optional = fields.find((each) => each.optional)
  return optional && `${optional.name}: null`
}

/** The tests of a change. @param toItself the changed entry refers to itself, so it cannot be deleted. */
const changing = (create: string, changes: string, toItself: boolean) => `
  it('changes the fields that are sent', async () => {
    const created = await ${create}
    const changes = { ${changes} }
    const changed = await change('patch', created).send(changes)
    expect([changed.status, changed.body]).toEqual([200, { ...created.body, ...changes }])
    const read = await request(app).get(String(created.headers.location))
    expect([read.body, read.headers.etag]).toEqual([changed.body, changed.headers.etag])
  })

  it('is changed once for all requests with the same Idempotency-Key', async () => {
    const created = await ${create}
    const changes = { ${changes} }
    const patch = () => change('patch', created).set('Idempotency-Key', 'patch').send(changes)
    const [first, second] = [await patch(), await patch()]
    expect([second.status, second.headers['idempotency-replayed'], second.text]).toEqual([200, 'true', first.text])
${toItself ? `    // What refers to itself cannot be deleted.\n    const other = await ${create}\n` : ''}    const remove = () => change('delete', ${toItself ? 'other' : 'first'}).set('Idempotency-Key', 'delete')
    expect([(await remove()).status, (await remove()).status]).toEqual([204, 204])
  })
${conditions(
  create,
  `
    const changes = { ${changes} }
    await change('patch', created).send(changes)
    expect((await change('patch', created).send(changes)).status).toBe(412)
    expect((await change('delete', created)).status).toBe(412)
    expect((await request(app).get(path)).body).toMatchObject(changes)`,
)}`

/** The test of If-Match. */
const conditions = (create: string, more = '') => `
  it('changes nothing without If-Match${more && ', and nothing that has changed since'}', async () => {
    const created = await ${create}
    const path = String(created.headers.location)
    expect((await request(app).patch(path).send({})).status).toBe(428)
    expect((await request(app).delete(path)).status).toBe(428)${more}
  })
`
