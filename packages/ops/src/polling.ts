import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** What decides whether a container learns of a change to a file of the checkout. */
export interface Sharing {
  /** DEV_POLLING. */
  readonly setting: string | undefined
  /** Of the checkout's file system, as statfs(2) numbers it. */
  readonly fileSystem: number
  /** The address of the engine. */
  readonly engine: string
}

/** File systems whose changes are reported to no other machine: 9p (of WSL), NFS, SMB, CIFS, FUSE, and VirtualBox's. */
const withoutEvents = new Set([0x01021997, 0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x65735546, 0x786f4256])

/** Whether changes have to be looked for: the engine's machine gets no events of the checkout's file system. */
export function needsPolling({ setting, fileSystem, engine }: Sharing): boolean {
  if (setting) return !/^(0|false|no)$/i.test(setting)
  return withoutEvents.has(fileSystem) || /\/\.?(colima|lima|rd)\//.test(engine)
}

/** Yields whenever files below the folders were changed, added or removed. Ends when `signal` is aborted. */
export async function* changes(
  folders: readonly string[],
  signal: AbortSignal,
  intervalMs = 1000,
): AsyncGenerator<undefined> {
  let before = await stateOf(folders)
  while (!signal.aborted) {
    await delay(intervalMs, undefined, { signal }).catch(() => {})
    const now = await stateOf(folders)
    if (now !== before && !signal.aborted) yield undefined
    before = now
  }
}

/** The files below the folders with their times of change, as one text. */
export async function stateOf(folders: readonly string[]): Promise<string> {
  const listed = folders.map(async (folder) =>
    (await readdir(folder, { recursive: true })).map((name) => join(folder, name)),
  )
  const files = (await Promise.all(listed)).flat().sort()
  // A file that an editor replaces is missing for a short time.
  const times = files.map((file) =>
    stat(file).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    ),
  )
  return JSON.stringify([files, await Promise.all(times)])
}
