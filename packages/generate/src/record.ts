import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What the owner of a project answered when it was made. */
export interface Answers {
  readonly name: string
  readonly keepTimes: boolean
}

/** What a project was made from. */
export interface Upstream {
  /** The address or folder that Git fetches from; undefined if the checkout had no remote. */
  readonly repository?: string | undefined
  readonly commit: string
  /** Of that commit: a copy without the history has another commit, but the same tree. */
  readonly tree: string
  readonly answers: Answers
}

/** An address may contain a password or a token, which must be neither committed nor shown. */
export const withoutCredentials = (address: string): string => address.replace(/^(\w+:\/\/)[^/]*@/, '$1')

/** Where it is, from the root. It is there once the project was made. */
export const recordFile = '.upstream.json'

export const hasRecord = (root: string): boolean => existsSync(join(root, recordFile))

export const readRecord = async (root: string): Promise<Upstream> =>
  JSON.parse(await readFile(join(root, recordFile), 'utf8'))

export function writeRecord(root: string, { repository, commit, tree, answers }: Upstream): Promise<void> {
  const record = { repository, commit, tree, answers }
  return writeFile(join(root, recordFile), `${JSON.stringify(record, undefined, 2)}\n`)
}
