import { existsSync } from 'node:fs'
import { cp, glob, mkdir, mkdtemp, readdir, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot } from './checkout.ts'
import { git } from './git.ts'

/**
 * Copies the files that version control has or would take, and `.env`, into a new folder. Its packages are those
 * installed here; its workspaces are its own. The caller removes the folder.
 */
export async function copyCheckout(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'checkout-'))
  const files = git('ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate').split('\0')
  for (const file of [...files.filter(Boolean), '.env']) {
    if (existsSync(join(repositoryRoot, file))) await cp(join(repositoryRoot, file), join(copy, file))
  }
  await linkInstalledPackages(copy)
  return copy
}

/** Gives another checkout the packages that are installed here; its workspaces are its own. */
export async function linkInstalledPackages(folder: string): Promise<void> {
  for await (const modules of glob('{.,infra,test,apps/*,packages/*}/node_modules', { cwd: repositoryRoot })) {
    await linkPackages(join(repositoryRoot, modules), join(folder, modules))
  }
}

async function linkPackages(installed: string, modules: string): Promise<void> {
  await mkdir(modules, { recursive: true })
  for (const name of await readdir(installed)) {
    // Their links are relative, so a copy of them leads into the copy. What the copy removes there stays here.
    if (name === '@repo' || name === '.bin') {
      await cp(join(installed, name), join(modules, name), { recursive: true, verbatimSymlinks: true })
    } else if (!name.startsWith('.vite')) {
      await symlink(join(installed, name), join(modules, name))
    }
  }
}
