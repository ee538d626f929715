import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Answers } from '../record.ts'
import { changelog, readme } from './documents.ts'
import { type Edit, ownEdits, ownPaths, timesEdits, timesPaths } from './edits.ts'
import { type ProductNames, productNames } from './product-names.ts'

/** These keep the name of the origin; the lockfile has it from package.json. */
const credits = new Set(['LICENSE', 'README.md', 'CHANGELOG.md', 'package-lock.json'])

/**
 * Changes a checkout of this repository into the owner's project, but for formatting and what is generated from the
 * schemas. Uses Node and npm alone, so that it works without installed packages, as `npm run upgrade` needs it.
 *
 * @throws if the checkout is not as expected; then it may be half changed.
 */
export async function adopt(root: string, { name, keepTimes }: Answers): Promise<void> {
  const { name: originName } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const [origin, owner] = [productNames(originName), productNames(name)]
  const upstreamReadme = await readFile(join(root, 'README.md'), 'utf8')
  for (const path of [...ownPaths, ...(keepTimes ? [] : timesPaths)]) {
    await rm(join(root, path), { recursive: true })
  }
  for (const edit of [...ownEdits, ...(keepTimes ? [] : timesEdits)]) await applyEdit(root, edit)
  await rename(root, origin, owner)
  await writeFile(join(root, 'README.md'), readme(upstreamReadme, origin, owner, keepTimes))
  await writeFile(join(root, 'CHANGELOG.md'), changelog(origin))
  const lockOnly = ['install', '--package-lock-only', '--offline', '--ignore-scripts', '--no-audit', '--no-fund']
  await promisify(execFile)('npm', lockOnly, { cwd: root })
}

async function applyEdit(root: string, { file, from, to }: Edit): Promise<void> {
  const path = join(root, file)
  const text = await readFile(path, 'utf8')
  const edited = typeof from === 'string' ? text.replaceAll(from, to) : text.replace(from, to)
  if (edited === text) throw new Error(`${file}: expected to find ${from}`)
  await writeFile(path, edited)
}

/** Replaces each form of the name. */
async function rename(root: string, origin: ProductNames, owner: ProductNames): Promise<void> {
  const forms = new Map([
    [origin.name, owner.name],
    [origin.title, owner.title],
    [origin.pascal, owner.pascal],
  ])
  const anyForm = new RegExp([...forms.keys()].join('|'), 'g')
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const { stdout } = await promisify(execFile)('git', ['-c', 'safe.directory=*', ...list], {
    cwd: root,
    maxBuffer: 64 * 1024 ** 2,
  })
  for (const file of stdout.split('\0').filter((path) => path !== '' && !credits.has(path))) {
    const path = join(root, file)
    if (!existsSync(path)) continue
    const bytes = await readFile(path)
    // As Git does, to find out what is not text.
    if (bytes.includes(0)) continue
    const text = bytes.toString()
    const renamed = text.replaceAll(anyForm, (form) => forms.get(form) ?? form)
    if (renamed !== text) await writeFile(path, renamed)
  }
}
