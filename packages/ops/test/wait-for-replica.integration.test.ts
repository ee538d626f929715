import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openProject } from '@repo/compose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { waitForReplica } from '../src/databases.ts'

afterEach(() => void vi.unstubAllEnvs())

describe('waitForReplica', () => {
  /** Waits for a reader in this state; `docker exec` fails this many times before it answers. */
  async function waitFor(reader: {
    readonly state: string
    readonly failures: number
    readonly mode?: string
  }): Promise<boolean> {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'docker-'))
    const script = `#!/bin/sh
case "$*" in
  *--batch*) echo 0 ;;
  exec*) echo >>${folder.path}/tries
    [ "$(wc -l <${folder.path}/tries)" -gt ${reader.failures} ] && printf '${reader.mode ?? 'replica'}\\n\\n' ;;
  *json*) echo '{"ID":"1","Service":"db-reader","Name":"db-reader-1","State":"${reader.state}","Status":""}' ;;
  *) echo 1 ;;
esac
`
    await writeFile(join(folder.path, 'docker'), script, { mode: 0o755 })
    vi.stubEnv('PATH', `${folder.path}:${process.env.PATH}`)
    return await waitForReplica(openProject(), 'db-writer', '6b1c:1-7', 1)
  }

  it('waits for a reader whose state cannot be read at first', async () => {
    expect(await waitFor({ state: 'running', failures: 2 })).toBe(true)
  })

  it.each(['running', 'paused'])('fails for a %s reader that does not respond', async (state) => {
    await expect(waitFor({ state, failures: 9 })).rejects.toThrow(/db-reader does not respond.* restart db-reader/)
  })

  it('fails for a reader whose server hangs in a container that answers', async () => {
    const waiting = waitFor({ state: 'running', failures: 0, mode: 'unresponsive' })
    await expect(waiting).rejects.toThrow(/db-reader does not respond/)
  })

  it('does not wait for a reader that is stopped', async () => {
    expect(await waitFor({ state: 'exited', failures: 9 })).toBe(false)
  })
})
