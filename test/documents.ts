import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'

/** The text of a file, by its path from the root. */
export const read = (file: string): string => readFileSync(join(repositoryRoot, file), 'utf8')

/** The rows of the tables in a section, as cells; without heads. */
export function rowsOf(document: string, section: string): string[][] {
  const [, text = ''] = read(document).split(`${section}\n`)
  return [
    ...text
      .split(/^#/m)
      .slice(0, 1)
      .join('')
      .matchAll(/^\| (.+) \|$/gm),
  ]
    .map(([, row]) => String(row).split(' | '))
    .slice(2)
}
