import { chmodSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Makes every file of a cloud assembly readable for all. Lambda runs a function as another user than the owner of its
 * files, and the archive has the modes that this machine's umask gave them.
 */
export function makeReadable(assembly: string): void {
  for (const path of readdirSync(assembly, { recursive: true, encoding: 'utf8' })) {
    const file = join(assembly, path)
    const { mode } = statSync(file)
    // Who may read a directory may enter it; a program stays a program.
    chmodSync(file, mode | 0o444 | (((mode & 0o100) / 0o100) * 0o111))
  }
}
