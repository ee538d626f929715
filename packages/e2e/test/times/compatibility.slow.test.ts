import { execFile } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { docker, testImage } from '@repo/compose'
import { copyCheckout } from '@repo/compose/testing'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'

const run = promisify(execFile)
const contract = 'apps/app/src/http/openapi.json'
let copy: string

beforeAll(async () => {
  copy = await copyCheckout()
  await git('init', '--quiet')
  await commit()
  await git('tag', 'start')
})

afterEach(async () => {
  await git('reset', '--hard', '--quiet', 'start')
  await git('clean', '--force', '--quiet')
})

afterAll(async () => {
  // The command tries the migrations on an image of the copy's own.
  await docker(['image', 'rm', testImage('mysql', copy)]).catch(() => {})
  await rm(copy, { recursive: true, force: true })
})

const git = (...args: string[]) => run('git', args, { cwd: copy })

async function commit(): Promise<void> {
  await git('add', '--all')
  await git('-c', 'user.name=test', '-c', 'user.email=test', 'commit', '--quiet', '--message=test')
}

/** Adds migrations of these statements, after all others. */
async function addMigrations(...statements: readonly string[]): Promise<void> {
  for (const [index, sql] of statements.entries()) {
    await writeFile(join(copy, `packages/db/migrations/900${index}_step.sql`), `-- Intent: a test.\n${sql}\n`)
  }
}

/** Runs the command in the copy. @param release @default the one before the newest migration */
async function checkCompatibility(...release: readonly string[]): Promise<{ code: number; output: string }> {
  const command = run(process.execPath, ['packages/generate/src/compatibility.ts', ...release], { cwd: copy })
  return command.then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ code, output: stdout + stderr }),
  )
}

it('passes an additive migration, committed or not', async () => {
  await addMigrations('ALTER TABLE {{table}} ADD COLUMN note VARCHAR(20) NULL')
  await commit()
  const { code, output } = await checkCompatibility()
  expect(output).toContain('✓ No statement breaks the release before: 9000_step')
  expect(output).toContain('✓ times: failed requests: 0')
  expect(output).toContain('✓ The release before works on the new schema')
  expect(code).toBe(0)
})

it('refuses each breaking migration with its statement, and each change of the contract that breaks a client', async () => {
  await addMigrations(
    'ALTER TABLE {{table}} DROP KEY by_dt',
    'ALTER TABLE {{table}} RENAME COLUMN dt TO stored_at',
    'ALTER TABLE idempotency_keys ADD COLUMN owner INT NOT NULL',
    'ALTER TABLE idempotency_keys MODIFY result TEXT NOT NULL',
  )
  const document = JSON.parse(await readFile(join(copy, contract), 'utf8'))
  delete document.paths['/stats']
  await writeFile(join(copy, contract), JSON.stringify(document))
  const { code, output } = await checkCompatibility()
  expect(code).toBe(1)
  for (const problem of [
    /9000_step breaks .*\n +ALTER TABLE \{\{table\}\} DROP KEY by_dt\n +testtable\.by_dt: the key is gone\.\n +Expand, /,
    /9001_step breaks .*\n +ALTER .*\n +testtable\.dt: the column is gone\./,
    /9002_step breaks .*\n +ALTER .*\n +idempotency_keys\.owner: the new column is NOT NULL without a default/,
    /9003_step breaks .*\n +ALTER .*\n +idempotency_keys\.result: mediumtext becomes text/,
    /GET \/stats: is gone\./,
  ]) {
    expect(output).toMatch(problem)
  }
})

it('passes a break of the contract that the changelog declares', async () => {
  const document = JSON.parse(await readFile(join(copy, contract), 'utf8'))
  delete document.paths['/stats']
  await writeFile(join(copy, contract), JSON.stringify(document))
  const changelog = join(copy, 'CHANGELOG.md')
  await writeFile(changelog, `${await readFile(changelog, 'utf8')}\n- **Breaking:** \`GET /stats\` is gone.\n`)
  expect(await checkCompatibility('HEAD')).toMatchObject({ code: 0, output: expect.stringContaining('✓ No client') })
})

it('finds by its load what a declaration conceals', async () => {
  await addMigrations(
    '-- Compatible: testtable, as this test claims\nALTER TABLE {{table}} RENAME COLUMN dt TO stored_at',
  )
  const { code, output } = await checkCompatibility()
  expect(output).toContain('✓ No statement breaks the release before: 9000_step')
  expect(output).toMatch(/✗ times: failed requests: \d+/)
  expect(code).toBe(1)
})
