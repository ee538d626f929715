import type { DatabaseClient } from '@repo/db'
import type { Express } from 'express'
import type { Logger } from 'pino'
import { z } from 'zod'
import { type AppDependencies, createApp } from '../src/app.ts'
import { commonResponses, type Endpoints, type Exchange } from '../src/http/endpoint.ts'
import { idParameter, integerParameter } from '../src/http/schema.ts'
import { send } from '../src/http/send.ts'
import { createLogger } from '../src/observability/logger.ts'
import { defineResource, type Resource, type RunningResource } from '../src/resources/resource.ts'

const pool = { idle: 1, busy: 2, waiting: 3, failing: false, evictions: 4 }
const unused = () => Promise.reject(new Error('not used in this test'))

const durability = { copies: 'one', since: new Date(1_000_000), transactions: { one: 6, two: 7 } } as const

/** A client without a database, for what never asks it: its state is fixed, both endpoints answer. */
export const client: DatabaseClient = {
  deadlineMs: 2000,
  writerConnections: 4,
  read: unused,
  write: unused,
  transaction: unused,
  status: async () => ({
    writer: true,
    reader: true,
    hasReader: true,
    readsFrom: 'reader',
    readerLagMs: 1.6,
    durability,
  }),
  ping: async () => {},
  state: () => ({
    writer: pool,
    reader: { ...pool, failing: true },
    hasReader: true,
    fallbacks: 5,
    readerLagMs: 1500,
    durability,
  }),
  close: async () => {},
}

const ok = {
  200: { description: 'Done', content: { 'text/plain': z.literal('done') } },
  400: commonResponses.BadRequest,
}

const endpoints = {
  readThing: {
    method: 'get',
    path: '/things',
    summary: 'Reads',
    query: z.strictObject({ limit: integerParameter(1, 10).optional().describe('The most things.') }),
    responses: ok,
  },
  writeThing: { method: 'post', path: '/things', summary: 'Writes', responses: ok },
  replaceThing: {
    method: 'put',
    path: '/things',
    summary: 'Replaces',
    body: z.strictObject({ text: z.string().min(1, { error: 'must not be empty' }) }),
    responses: ok,
  },
  changeThing: {
    method: 'patch',
    path: '/things/{id}',
    summary: 'Changes',
    params: z.object({ id: idParameter }),
    body: z.strictObject({ text: z.string() }).partial(),
    conditional: true,
    responses: ok,
  },
  writeByGet: { method: 'get', path: '/write-thing', summary: 'Writes', safe: false, responses: ok },
} satisfies Endpoints

/** A resource without a database. Every request is handled by `handle`. */
export function thingsResource(handle: (exchange: Exchange<unknown>) => void | Promise<void> = done): Resource {
  return defineResource({
    name: 'things',
    description: 'The things of a test.',
    variables: { THINGS: integerParameter(1, 2).default(1).describe('How many things there are.') },
    status: { things: z.int().describe('How many things there are') },
    endpoints,
    create: ({ settings }) => ({
      handlers: {
        readThing: handle,
        writeThing: handle,
        replaceThing: handle,
        changeThing: handle,
        writeByGet: handle,
      },
      status: async () => ({ things: settings.THINGS }),
    }),
  })
}

function done({ res }: Exchange<unknown>): void {
  send(res, 200, 'text/plain', 'done')
}

/** Starts a resource with its default settings. */
export const running = (resource: Resource): RunningResource =>
  resource.create({ client, settings: z.object(resource.variables).parse({}), instrument: (_name, work) => work })

/** An application without a database; its only resource is {@link thingsResource}. */
export function createTestApp(
  handle?: (exchange: Exchange<unknown>) => void | Promise<void>,
  overrides: Partial<AppDependencies> = {},
): Express {
  return createApp({
    client,
    resources: [running(thingsResource(handle))],
    logger: createLogger('silent', process.stdout),
    isDraining: () => false,
    admission: { inFlightLimit: 100, eventLoopDelayLimitMs: 10_000 },
    instance: 'test',
    ...overrides,
  })
}

/** A logger as in production, whose lines are collected. */
export function collectLines(): { logger: Logger; lines: Record<string, unknown>[]; text: () => string } {
  const written: string[] = []
  const lines: Record<string, unknown>[] = []
  const logger = createLogger('info', {
    write(line) {
      written.push(line)
      lines.push(JSON.parse(line))
    },
  })
  return { logger, lines, text: () => written.join('') }
}
