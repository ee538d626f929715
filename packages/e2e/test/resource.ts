import { type HttpRequest, type HttpResponse, openHttpClient } from '@repo/drills/http.ts'
import { parentInsertions } from '@repo/drills/rows.ts'
import type { Workload } from '@repo/drills/workload.ts'
import { workloads } from '@repo/drills/workloads/index.ts'
import { describe, expect } from 'vitest'
import { hasReader, topology } from './topology.ts'

/** Tests that store something, which a project without a resource cannot. */
export const describeResource = (title: string, tests: () => void): unknown =>
  workloads.length > 0 ? describe(title, tests) : describe.skip(`${title} (there is no resource)`, tests)

/** The resource that the tests of the topology use: the first one with a workload. */
export function resource(): Workload {
  const [first] = workloads
  if (first === undefined) throw new Error('no resource has a workload')
  return first
}

/** Sends a request to an ALB. @param url @default that of the shared topology @throws if there is no complete response. */
export async function send(request: HttpRequest, url = topology.url): Promise<HttpResponse> {
  const client = openHttpClient(url)
  const outcome = await client.send(request).finally(client.close)
  if ('error' in outcome) throw new Error(`${request.path}: ${outcome.error}`)
  return outcome
}

/** Stores a row. @returns the `Consistency-Token` of the answer. */
export async function store(): Promise<string> {
  const response = await send(resource().write())
  expect(resource().acknowledged(response), response.body).toBeDefined()
  return String(response.headers?.['consistency-token'])
}

/** Lists every row, with the token of a write that the list must include. */
export const list = (token?: string): Promise<HttpResponse> =>
  send({ method: 'GET', path: resource().listPath, headers: token === undefined ? {} : { 'Consistency-Token': token } })

/** Runs SQL on the writer, and waits until the reader, if there is one, has applied it. */
export async function replicated(statement: string): Promise<void> {
  await topology.sql('db-writer', statement)
  if (!hasReader) return
  const executed = (await topology.sql('db-writer', 'SELECT @@GLOBAL.gtid_executed')).replaceAll(/\\n|\s/g, '')
  await topology.sql('db-reader', `SELECT WAIT_FOR_EXECUTED_GTID_SET('${executed}')`)
}

/** Removes every row, with the counts of rows that one server alone had, and creates those that others refer to. */
export async function removeRows(): Promise<void> {
  const { table, counts } = resource()
  await replicated(`SET foreign_key_checks = 0; TRUNCATE ${table}${counts ? `; TRUNCATE ${counts.table}` : ''}`)
  for (const statement of parentInsertions(resource())) await replicated(statement)
}

/** How many rows a database has. */
export const countRows = async (service: 'db-writer' | 'db-reader'): Promise<number> =>
  Number(await topology.sql(service, `SELECT COUNT(*) FROM ${resource().table}`))
