import type { Field } from '../fields.ts'
import { foreignKey, isIndexed, keyOf } from '../keys.ts'
import type { Names } from '../names.ts'
import { kindOf, selection } from './kinds.ts'

/** `schema.ts`: the fields, and the HTTP contract. */
export function schema(names: Names, fields: readonly Field[]): string {
  const { pascal, pluralPascal, folder, words, aWord, pluralWords } = names
  const filters = fields.filter(isIndexed)
  const imports = new Set([
    'id',
    'idParameter',
    'integerParameter',
    'dateTime',
    ...fields.flatMap((field) => kindOf(field).imports),
  ])
  const defaults = fields.filter(({ optional }) => optional).map(({ name }) => `${name}: fields.${name}.default(null)`)
  return `import { z } from 'zod'
import {
  commonResponses,
  consistentResponses,
  type Endpoints,
  entityTagHeader,
  keyedResponses,
  requestIdHeader,
  writtenHeaders,
} from '../../http/endpoint.ts'
import { cursor, linkHeader } from '../../http/pages.ts'
import { ${[...imports].sort().join(', ')} } from '../../http/schema.ts'

const fields = {
  ${fields.map((field) => `${field.name}: ${kindOf(field).schema}${field.optional ? '.nullable()' : ''},`).join('\n  ')}
}

const stored${pascal} = z.strictObject({ id, createdAt: dateTime, ...fields }).meta({ id: '${pascal}' })

/** A stored ${words}. */
export type Stored${pascal} = z.output<typeof stored${pascal}>

const new${pascal} = z.strictObject(${defaults.length > 0 ? `{ ...fields, ${defaults.join(', ')} }` : 'fields'})

/** The fields of a new ${words}. */
export type New${pascal} = z.output<typeof new${pascal}>

const changes = z.strictObject(fields).partial()

/** The fields of ${aWord} that are changed. */
export type ${pascal}Changes = z.output<typeof changes>

const listQuery = z.strictObject({
  limit: integerParameter(1, 10_000).default(100).describe('The most ${pluralWords}. A page that reaches 1 MB ends earlier.'),
  after: cursor.optional().describe('The end of the previous page, as the link in its \`Link\` header has it.'),
  ${filters.map((field) => `${field.name}: ${kindOf(field).parameter}${describeFilter(field)},`).join('\n  ')}
})

/** The query of the list. */
export type ${pluralPascal}Query = z.output<typeof listQuery>

const params = z.object({ id: idParameter })

const entry = { headers: { ...requestIdHeader, ...entityTagHeader }, content: { 'application/json': stored${pascal} } }
const written = { ...entry, headers: { ...entry.headers, ...writtenHeaders } }
const readErrors = { 400: commonResponses.BadRequest, ...consistentResponses, 503: commonResponses.Unavailable }
const changeErrors = {
  400: commonResponses.BadRequest,
  404: commonResponses.NotFound,
  ...keyedResponses,
  412: commonResponses.Changed,
  428: commonResponses.ConditionRequired,
  503: commonResponses.WriteUnavailable,
}

/** The HTTP contract of the ${pluralWords}. */
export const endpoints = {
  list${pluralPascal}: {
    method: 'get',
    path: '/${folder}',
    summary: 'Lists the ${pluralWords}, newest first',
    query: listQuery,
    consistent: true,
    responses: {
      200: {
        description: 'A page of ${pluralWords}',
        headers: { ...requestIdHeader, ...linkHeader },
        content: { 'application/json': z.array(stored${pascal}) },
      },
      ...readErrors,
    },
  },
  create${pascal}: {
    method: 'post',
    path: '/${folder}',
    summary: 'Stores ${aWord}',
    query: z.strictObject({}),
    keyed: true,
    body: new${pascal},
    responses: {
      201: { ...written, description: 'The ${words} is stored' },
      400: commonResponses.BadRequest,
      ...keyedResponses,
      422: commonResponses.InvalidFields,
      503: commonResponses.WriteUnavailable,
    },
  },
  get${pascal}: {
    method: 'get',
    path: '/${folder}/{id}',
    summary: 'Reads ${aWord}',
    params,
    query: z.strictObject({}),
    consistent: true,
    responses: { 200: { ...entry, description: 'The ${words}' }, 404: commonResponses.NotFound, ...readErrors },
  },
  update${pascal}: {
    method: 'patch',
    path: '/${folder}/{id}',
    summary: 'Changes fields of ${aWord}',
    params,
    query: z.strictObject({}),
    body: changes,
    keyed: true,
    conditional: true,
    responses: {
      200: { ...written, description: 'The ${words} is changed' },
      ...changeErrors,
      422: commonResponses.InvalidFields,
    },
  },
  delete${pascal}: {
    method: 'delete',
    path: '/${folder}/{id}',
    summary: 'Deletes ${aWord}',
    params,
    query: z.strictObject({}),
    keyed: true,
    conditional: true,
    responses: {
      204: { description: 'The ${words} is deleted', headers: { ...requestIdHeader, ...writtenHeaders } },
      ...changeErrors,
      409: commonResponses.Referenced,
    },
  },
} satisfies Endpoints
`
}

const describeFilter = ({ type }: Field) =>
  `.optional().describe('Only with this ${type.kind === 'string' ? 'text, whatever its case and accents' : 'value'}.')`

/** `repository.ts`: all of the SQL. */
export function repository(names: Names, fields: readonly Field[]): string {
  const { pascal, pluralPascal, table, aWord, pluralWords } = names
  const filters = fields.filter(isIndexed)
  const refusals = fields.flatMap(({ name, column, unique, type }) => [
    ...(unique ? [`'${table}.${keyOf({ column, unique })}': { field: '${name}', detail: 'is taken' },`] : []),
    ...(type.kind === 'ref' ? [`${foreignKey(table, column)}: { field: '${name}', detail: 'does not exist' },`] : []),
  ])
  const refuse = refusals.length > 0 ? '.catch(refuse)' : ''
  const bools = fields.filter(({ type }) => type.kind === 'bool')
  const toBoolean = ({ name, optional }: Field) =>
    `${name}: ${optional ? `row.${name} === null ? null : ` : ''}row.${name} === 1`
  const toValue = ({ name, type }: Field) =>
    type.kind === 'datetime' ? `fields.${name} && toDateTime(fields.${name})` : `fields.${name}`
  const columns = [
    'id',
    selection('created_at', 'createdAt', { kind: 'datetime' }),
    ...fields.map(({ column, name, type }) => selection(column, name, type)),
  ]
  const helpers = ['given', 'readPage', ...(refuse ? ['refuseField'] : []), 'toDateTime', 'where']
  return `import { type Connection, type DatabaseClient, execute, type Point, query } from '@repo/db'
import type { Page } from '../../http/pages.ts'
import { ${helpers.join(', ')} } from '../rows.ts'
import type { New${pascal}, Stored${pascal}, ${pascal}Changes, ${pluralPascal}Query } from './schema.ts'

const columns = \`${wrap(columns)}\`
${
  bools.length > 0
    ? `
const fromRow = (row: Record<string, unknown>) => ({ ...row, ${bools.map(toBoolean).join(', ')} }) as Stored${pascal}
`
    : ''
}
/** The columns of the fields that are given. */
const columnsOf = (fields: ${pascal}Changes) =>
  given({ ${fields.map((field) => `${field.column}: ${toValue(field)}`).join(', ')} })
${
  refusals.length > 0
    ? `
/** What the keys of the table refuse. */
const refuse = refuseField({
  ${refusals.join('\n  ')}
})
`
    : ''
}
/** The stored ${pluralWords}. Reads throw like \`client.read\`, the others run in the transaction of a connection. */
export type ${pluralPascal}Repository = ReturnType<typeof create${pluralPascal}Repository>

export function create${pluralPascal}Repository(client: DatabaseClient) {
  const select = async (connection: Connection, rest: string, values: unknown[]) =>
    ${
      bools.length > 0
        ? `(await query(connection, \`SELECT \${columns} FROM ${table} \${rest}\`, values)).map(fromRow)`
        : `(await query(connection, \`SELECT \${columns} FROM ${table} \${rest}\`, values)) as unknown[] as Stored${pascal}[]`
    }

  const find = async (connection: Connection, id: number) => (await select(connection, 'WHERE id = ?', [id]))[0]

  return {
    /** Newest first. */
    list({ limit, after${filters.length > 0 ? ', ...filters' : ''} }: ${pluralPascal}Query, includes: readonly Point[]): Promise<Page<Stored${pascal}>> {
      return readPage(client, { limit, after }, includes, (connection, before, rows) => {
        const { sql, values } = where({ 'id < ?': before${filters.map(({ column, name, type }) => `, '${column} = ?': ${type.kind === 'datetime' ? `filters.${name} && toDateTime(filters.${name})` : `filters.${name}`}`).join('')} })
        return select(connection, \`\${sql} ORDER BY id DESC LIMIT ?\`, [...values, rows])
      })
    },

    get(id: number, includes: readonly Point[]): Promise<Stored${pascal} | undefined> {
      return client.read((connection) => find(connection, id), { after: includes })
    },

    /** Reads ${aWord} that nobody else can change until the end of the transaction. */
    async lock(connection: Connection, id: number): Promise<Stored${pascal} | undefined> {
      return (await select(connection, 'WHERE id = ? FOR UPDATE', [id]))[0]
    },

    /** @throws {InvalidFields} if a key of the table refuses it. */
    async create(connection: Connection, fields: New${pascal}): Promise<Stored${pascal} | undefined> {
      const row = { created_at: toDateTime(new Date().toISOString()), ...columnsOf(fields) }
      return find(connection, await execute(connection, 'INSERT INTO ${table} SET ?', [row])${refuse})
    },

    /** @throws {InvalidFields} if a key of the table refuses it. */
    async update(connection: Connection, id: number, changes: ${pascal}Changes): Promise<Stored${pascal} | undefined> {
      const row = columnsOf(changes)
      if (Object.keys(row).length > 0) await execute(connection, 'UPDATE ${table} SET ? WHERE id = ?', [row, id])${refuse}
      return find(connection, id)
    },

    async delete(connection: Connection, id: number): Promise<void> {
      await execute(connection, 'DELETE FROM ${table} WHERE id = ?', [id])
    },
  }
}
`
}

/** Lines of at most 110 characters. */
function wrap(columns: readonly string[]): string {
  const lines = ['']
  for (const [index, column] of columns.entries()) {
    const text = index === columns.length - 1 ? column : `${column},`
    const line = `${lines.at(-1)} ${text}`.trim()
    if (line.length > 100) lines.push(text)
    else lines[lines.length - 1] = line
  }
  return lines.join('\n  ')
}

/** `routes.ts`. */
export function routes({ pascal, plural, pluralPascal, folder, pluralWords }: Names): string {
  return `import { deletedAnswer, entryAnswer, existing, sendEntry } from '../../http/entry.ts'
import type { Handlers } from '../../http/endpoint.ts'
import { sendPage } from '../../http/pages.ts'
import type { AnswerOnce } from '../../middleware/idempotency.ts'
import type { ${pluralPascal}Repository } from './repository.ts'
import type { endpoints } from './schema.ts'

/** \`/${folder}\` lists the ${pluralWords} and stores new ones, \`/${folder}/{id}\` reads, changes and deletes one. */
export function ${plural}Handlers(repository: ${pluralPascal}Repository, answerOnce: AnswerOnce): Handlers<typeof endpoints> {
  return {
    async list${pluralPascal}({ query, after, ...exchange }) {
      sendPage(exchange, await repository.list(query, after))
    },
    async create${pascal}({ body, ...exchange }) {
      await answerOnce(exchange, async (connection) => {
        const created = existing(await repository.create(connection, body))
        return entryAnswer(201, created, { Location: \`/${folder}/\${created.id}\` })
      })
    },
    async get${pascal}({ params, after, res }) {
      sendEntry(res, existing(await repository.get(params.id, after)))
    },
    async update${pascal}({ params, body, requireMatch, ...exchange }) {
      await answerOnce(exchange, async (connection) => {
        requireMatch(existing(await repository.lock(connection, params.id)))
        return entryAnswer(200, existing(await repository.update(connection, params.id, body)))
      })
    },
    async delete${pascal}({ params, requireMatch, ...exchange }) {
      await answerOnce(exchange, async (connection) => {
        requireMatch(existing(await repository.lock(connection, params.id)))
        await repository.delete(connection, params.id)
        return deletedAnswer
      })
    },
  }
}
`
}

/** `resource.ts`. */
export function resource({ plural, pluralPascal, pluralWords, folder }: Names): string {
  return `import { createAnswerOnce } from '../../middleware/idempotency.ts'
import { defineResource } from '../resource.ts'
import { create${pluralPascal}Repository } from './repository.ts'
import { ${plural}Handlers } from './routes.ts'
import { endpoints } from './schema.ts'

/** The ${pluralWords}. */
export const ${plural} = defineResource({
  name: '${folder}',
  description: 'Stores ${pluralWords}, lists, changes and deletes them.',
  variables: {},
  endpoints,
  create: ({ client }) => ({
    handlers: ${plural}Handlers(create${pluralPascal}Repository(client), createAnswerOnce(client)),
  }),
})
`
}
