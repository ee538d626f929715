import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { checkOut, findReleaseBefore, migrationsFolder } from '../../src/compatibility/release.ts'

let folder: string
let root: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'history-'))
  root = join(folder, 'origin')
  mkdirSync(join(root, migrationsFolder), { recursive: true })
  git('init', '--quiet')
})

afterEach(() => rmSync(folder, { recursive: true }))

const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
const addMigration = (name: string) => writeFileSync(join(root, migrationsFolder, `${name}.sql`), `SELECT '${name}'`)

/** Commits everything, and returns the commit. */
function commit(message: string): string {
  writeFileSync(join(root, 'README.md'), message)
  git('add', '--all')
  git('-c', 'user.name=test', '-c', 'user.email=test', 'commit', '--quiet', `--message=${message}`)
  return git('rev-parse', 'HEAD')
}

it('is the newest commit before the newest migration', async () => {
  addMigration('0001_first')
  commit('one')
  const before = commit('two')
  addMigration('0002_second')
  commit('three')
  commit('four')
  expect(await findReleaseBefore(root)).toBe(before)
})

it('is the newest commit before a migration of a later version, whose number is below', async () => {
  addMigration('1001_own')
  commit('one')
  const before = commit('two')
  addMigration('0005_later')
  expect(await findReleaseBefore(root)).toBe(before)
  commit('three')
  commit('four')
  expect(await findReleaseBefore(root)).toBe(before)
})

it('is the last commit while a migration is not committed', async () => {
  addMigration('0001_first')
  const before = commit('one')
  addMigration('0002_second')
  expect(await findReleaseBefore(root)).toBe(before)
  git('add', '--all')
  expect(await findReleaseBefore(root)).toBe(before)
})

it('is the last commit with another number, when a migration was renumbered', async () => {
  addMigration('0001_first')
  const before = commit('one')
  git('mv', `${migrationsFolder}/0001_first.sql`, `${migrationsFolder}/0002_first.sql`)
  commit('two')
  expect(await findReleaseBefore(root)).toBe(before)
})

it('can be named', async () => {
  addMigration('0001_first')
  const first = commit('one')
  git('tag', 'v1')
  commit('two')
  for (const ref of [first, first.slice(0, 8), 'v1', 'HEAD^']) expect(await findReleaseBefore(root, ref)).toBe(first)
})

it.each(['nowhere', '', '--all', 'HEAD^2'])('fails when it is named %s', async (ref) => {
  addMigration('0001_first')
  commit('one')
  await expect(findReleaseBefore(root, ref)).rejects.toThrow(
    `Unknown commit '${ref}'. Name the release before: npm run compatibility -- REF.`,
  )
})

it('fails when the newest migration is in the first commit', async () => {
  addMigration('0001_first')
  commit('one')
  commit('two')
  await expect(findReleaseBefore(root)).rejects.toThrow('No commit is before 0001_first.sql. Name the release before')
})

it('fails in a shallow clone, and says how to get the history', async () => {
  addMigration('0001_first')
  commit('one')
  addMigration('0002_second')
  commit('two')
  const clone = join(folder, 'clone')
  git('clone', '--quiet', '--depth=1', `file://${root}`, clone)
  for (const ref of [undefined, 'HEAD^']) {
    await expect(findReleaseBefore(clone, ref)).rejects.toThrow('git fetch --unshallow')
  }
})

it('is checked out with the settings of this checkout, and removed', async () => {
  addMigration('0001_first')
  const before = commit('one')
  commit('two')
  writeFileSync(join(root, '.env'), 'A=1')
  const release = await checkOut(root, before)
  expect(readFileSync(join(release.folder, 'README.md'), 'utf8')).toBe('one')
  expect(readFileSync(join(release.folder, '.env'), 'utf8')).toBe('A=1')
  await release[Symbol.asyncDispose]()
  expect(existsSync(release.folder)).toBe(false)
  expect(git('worktree', 'list').split('\n')).toHaveLength(1)
})
