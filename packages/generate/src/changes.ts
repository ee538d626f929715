import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** New contents of files, by their path from the root. */
export type Contents = ReadonlyMap<string, string>

/**
 * Writes files and runs `work`. If one of them fails, the files are as before, also those of `touched`, which `work`
 * writes; what is new is gone.
 *
 * @throws what failed.
 */
export async function writeOrUndo(
  root: string,
  contents: Contents,
  touched: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  const paths = [...contents.keys(), ...touched].map((path) => join(root, path))
  const before = await Promise.all(
    paths.map(async (path) => ({ path, content: existsSync(path) ? await readFile(path) : undefined })),
  )
  // The first folder of a path that does not exist yet.
  const newFolders = new Set(paths.flatMap((path) => newFolderOf(path)))
  try {
    for (const [path, content] of contents) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), content)
    }
    await work()
  } catch (error) {
    for (const { path, content } of before) {
      if (content === undefined) await rm(path, { force: true })
      else await writeFile(path, content)
    }
    for (const folder of newFolders) await rm(folder, { recursive: true, force: true })
    throw error
  }
}

function newFolderOf(path: string): string[] {
  const folder = dirname(path)
  if (existsSync(folder)) return []
  return existsSync(dirname(folder)) ? [folder] : newFolderOf(folder)
}
