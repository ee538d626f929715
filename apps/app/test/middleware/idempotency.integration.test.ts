import { createDatabaseClient, type DatabaseClient, query } from '@repo/db'
import { type MigratedServer, startMigrated } from '@repo/db/testing'
import type { Express } from 'express'
import request from 'supertest'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Endpoints } from '../../src/http/endpoint.ts'
import { HttpError } from '../../src/http/problem.ts'
import { createAnswerOnce } from '../../src/middleware/idempotency.ts'
import { defineResource } from '../../src/resources/resource.ts'
import { createTestApp } from '../test-app.ts'

const endpoints = {
  order: {
    method: 'post',
    path: '/orders',
    summary: 'Stores an order',
    body: z.strictObject({ item: z.string() }),
    keyed: true,
    responses: {},
  },
} satisfies Endpoints

/** A resource whose answers depend on what is stored. */
const orders = defineResource({
  name: 'orders',
  description: 'Stores orders.',
  variables: {},
  endpoints,
  create({ client }) {
    const answerOnce = createAnswerOnce(client)
    return {
      handlers: {
        order: ({ body: { item }, ...exchange }) =>
          answerOnce(exchange, async (connection) => {
            await query(connection, 'INSERT INTO orders (item) VALUES (?)', [item])
            if (item === 'invalid') throw new HttpError(409, 'Not to be had.')
            const [row] = await query(connection, 'SELECT LAST_INSERT_ID() AS id')
            const headers = { Location: `/orders/${row?.id}` }
            return {
              status: 201,
              contentType: 'application/json',
              headers,
              body: JSON.stringify({ id: row?.id, item }),
            }
          }),
      },
    }
  },
})

let mysql: MigratedServer['mysql']
let clients: readonly DatabaseClient[]
/** Two instances of the application. */
let apps: readonly [Express, Express]

beforeAll(async () => {
  const server = await startMigrated()
  mysql = server.mysql
  await mysql.sql(`CREATE TABLE orders (id BIGINT AUTO_INCREMENT PRIMARY KEY, item VARCHAR(100) NOT NULL);
    GRANT SELECT, INSERT ON orders TO app`)
  const createInstance = () => {
    const client = createDatabaseClient(server.options)
    const resources = [orders.create({ client, settings: {}, instrument: (_name, work) => work })]
    return { client, app: createTestApp(undefined, { client, resources }) }
  }
  const instances = [createInstance(), createInstance()] as const
  clients = instances.map(({ client }) => client)
  apps = [instances[0].app, instances[1].app]
})

afterAll(async () => {
  for (const client of clients ?? []) await client.close()
  await mysql?.[Symbol.asyncDispose]()
})

beforeEach(() => mysql.sql('TRUNCATE orders; TRUNCATE idempotency_keys'))

const order = (app: Express, key: string, item: string) =>
  request(app).post('/orders').set('Idempotency-Key', key).send({ item })
const stored = async () => (await mysql.sql('SELECT item FROM orders ORDER BY id')).split('\n').filter(Boolean)

describe('a POST with an Idempotency-Key', () => {
  it('is carried out once, and answered the same by every instance', async () => {
    const first = await order(apps[0], 'a', 'bread')
    for (const app of apps) {
      const again = await order(app, 'a', 'bread')
      expect(again.headers['idempotency-replayed']).toBe('true')
      expect([again.status, again.type, again.headers.location, again.text]).toEqual([
        201,
        'application/json',
        first.headers.location,
        first.text,
      ])
    }
    expect(first.headers['idempotency-replayed']).toBeUndefined()
    expect(await stored()).toEqual(['bread'])
  })

  it('is answered with a Consistency-Token each time', async () => {
    const responses = [await order(apps[0], 'a', 'bread'), await order(apps[1], 'a', 'bread')]
    responses.push(await request(apps[0]).post('/orders').send({ item: 'bread' }))
    for (const { headers } of responses) expect(headers['consistency-token']).toMatch(/^[0-9a-f]{16}-[0-9]+$/)
  })

  it('is carried out each time without one', async () => {
    for (const app of apps) expect((await request(app).post('/orders').send({ item: 'bread' })).status).toBe(201)
    expect(await stored()).toEqual(['bread', 'bread'])
  })

  it('is carried out once by two instances that get it at the same time', async () => {
    const responses = await Promise.all(
      Array.from({ length: 20 }, (_, at) => order(apps[at % 2 ? 0 : 1], 'a', 'bread')),
    )
    expect(responses.filter(({ status, headers }) => status === 201 && !headers['idempotency-replayed'])).toHaveLength(
      1,
    )
    for (const { status, headers } of responses) {
      if (status !== 201) expect([status, headers['retry-after']]).toEqual([expect.toBeOneOf([409, 503]), '1'])
    }
    expect(await stored()).toEqual(['bread'])
  })

  it('is refused with 422 after another request with the key', async () => {
    await order(apps[0], 'a', 'bread')
    const response = await order(apps[1], 'a', 'butter')
    expect([response.status, response.type]).toEqual([422, 'application/problem+json'])
    expect(await stored()).toEqual(['bread'])
  })

  it('stores nothing when it fails, so that it can be sent again', async () => {
    expect((await order(apps[0], 'a', 'invalid')).status).toBe(409)
    expect(await stored()).toEqual([])
    expect((await order(apps[1], 'a', 'bread')).status).toBe(201)
  })
})
