import { repositoryRoot } from '@repo/compose'
import { expect, it } from 'vitest'
import { namesOf } from '../src/names.ts'
import { checkNames, resourceTables } from '../src/project.ts'

it.each(['transaction', 'route', 'copy', 'machine', 'outage', 'interval', 'report', 'notice-text'])(
  'accepts %s, which is only in comments, messages and functions',
  async (name) => {
    await checkNames(repositoryRoot, namesOf(name))
  },
)

it.each([
  ['resource', "The name 'resources' has another use in apps/app/src/resources/index.ts"],
  ['workload', "The name 'workloads' has another use in packages/drills/src/workloads/index.ts"],
  ['metric', "The path '/metrics' has another use"],
  ['problem', "The OpenAPI document has a schema 'Problem' already"],
  ['service', "The page has an element with the id 'services' already"],
  ['idempotency-key', "There is a table 'idempotency_keys' already"],
])('refuses %s: %s', async (name, message) => {
  await expect(checkNames(repositoryRoot, namesOf(name))).rejects.toThrow(message)
})

it('no field can refer to a table that is not that of a resource', async () => {
  const tables = await resourceTables(repositoryRoot)
  for (const table of ['heartbeat', 'idempotency_keys', 'time_counts']) expect(tables).not.toContain(table)
})
