// Writes previous.json: the files, named by their content, of the page's last ten versions in the history of Git. The
// image includes them, so that a page which was loaded from the release before finds its files. Run before a release is
// built; without Git or without history it writes none.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

const versions = 10
const page = join(import.meta.dirname, 'page')
const output = join(import.meta.dirname, 'previous.json')
const folder = mkdtempSync(join(tmpdir(), 'page-'))
const files: Record<string, string> = {}
// The builds below would include it.
rmSync(output, { force: true })
try {
  for (const commit of history()) collect(commit)
} finally {
  rmSync(folder, { recursive: true })
}
writeFileSync(output, JSON.stringify(files))

/** The commits that changed the page, newest first. */
function history(): readonly string[] {
  const args = ['log', '--first-parent', `--max-count=${versions}`, '--format=%H', '--', '.']
  try {
    return git(...args)
      .toString()
      .split('\n')
      .filter(Boolean)
  } catch {
    console.warn('No history of Git: files of earlier releases of the page are not included.')
    return []
  }
}

/** Adds the files of the page of a commit. A page that this build does not support has none. */
function collect(commit: string): void {
  const [source, target] = [join(folder, commit), join(folder, `${commit}-built`)]
  try {
    // Without a path it is the folder in which Git runs.
    execFileSync('tar', ['-x', '-C', folder], { input: git('archive', `--prefix=${commit}/`, commit) })
    execFileSync(process.execPath, [join(import.meta.dirname, 'build.ts'), target, source], { stdio: 'pipe' })
  } catch {
    console.warn(`The page of ${commit.slice(0, 7)} cannot be built any more: its files are not included.`)
    return
  }
  for (const entry of readdirSync(target, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    if (/\.[0-9a-f]{16}\.\w+$/.test(entry.name)) files[relative(target, file)] = readFileSync(file, 'utf8')
  }
}

function git(...args: readonly string[]): Buffer {
  // The checkout may belong to another user; this already runs its code.
  return execFileSync('git', ['-c', 'safe.directory=*', ...args], { cwd: page, stdio: ['ignore', 'pipe', 'pipe'] })
}
