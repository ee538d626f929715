import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

it('a table that a later migration drops is none', async () => {
  const root = mkdtempSync(join(tmpdir(), 'tables-'))
  try {
    const migrations = join(root, 'packages/db/migrations')
    mkdirSync(migrations, { recursive: true })
    for (const table of ['tickets', 'owners']) {
      mkdirSync(join(root, 'apps/app/src/resources', table), { recursive: true })
      writeFileSync(join(migrations, `0001_create_${table}.sql`), `CREATE TABLE ${table} (id INT)`)
    }
    writeFileSync(join(migrations, '0002_drop_tickets.sql'), 'DROP TABLE IF EXISTS tickets')
    expect(await resourceTables(root)).toEqual(new Set(['owners']))
  } finally {
    rmSync(root, { recursive: true })
  }
})

it('no tool ignores the files of a resource, whatever its name', () => {
  const folders = ['backups', 'cdk-out', 'results', 'snapshots', 'test-results']
  const files = folders.flatMap((folder) => [`apps/app/src/resources/${folder}/a.ts`, `apps/web/page/${folder}/a.ts`])
  const { stdout } = spawnSync('git', ['check-ignore', ...files], { cwd: repositoryRoot, encoding: 'utf8' })
  expect(stdout).toBe('')
})
