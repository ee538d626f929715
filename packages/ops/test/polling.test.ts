import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { changes, needsPolling, stateOf } from '../src/polling.ts'

describe('npm run dev', () => {
  const ext4 = 0xef53
  const local = 'unix:///var/run/docker.sock'

  it.each([
    [undefined, ext4, local, false],
    [undefined, 0x01021997, local, true],
    [undefined, 0x6969, local, true],
    [undefined, 0x1a, 'unix:///Users/me/.colima/default/docker.sock', true],
    [undefined, 0x1a, 'unix:///Users/me/.config/colima/default/docker.sock', true],
    [undefined, 0x1a, 'unix:///Users/me/.rd/docker.sock', true],
    [undefined, 0x1a, 'unix:///Users/me/.docker/run/docker.sock', false],
    ['1', ext4, local, true],
    ['true', ext4, local, true],
    ['0', 0x01021997, local, false],
    ['false', 0x01021997, local, false],
    ['', ext4, local, false],
  ])('with DEV_POLLING=%s, the file system %i and the engine %s polls: %s', (setting, fileSystem, engine, polls) => {
    expect(needsPolling({ setting, fileSystem, engine })).toBe(polls)
  })

  it('sees files that are changed, added, replaced and removed below its folders', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'polling-'))
    const file = join(folder, 'deep', 'a.ts')
    const other = join(folder, 'b.ts')
    const states = [await stateOf([folder])]
    for (const step of [
      () => mkdirSync(join(folder, 'deep')),
      () => writeFileSync(file, '1'),
      () => utimesSync(file, 1, 1),
      () => writeFileSync(other, ''),
      () => renameSync(other, file),
      () => rmSync(file),
    ]) {
      step()
      states.push(await stateOf([folder]))
    }
    for (const [at, state] of states.entries()) expect(state).not.toBe(states[at - 1])
    expect(await stateOf([folder])).toBe(states.at(-1))
    rmSync(folder, { recursive: true })
  })

  it('looks for changes until it is ended', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'polling-'))
    const controller = new AbortController()
    const writing = setInterval(() => writeFileSync(join(folder, String(performance.now())), ''), 5)
    const seen = changes([folder], controller.signal, 1)
    for (let times = 0; times < 3; times += 1) expect((await seen.next()).done).toBe(false)
    controller.abort()
    expect((await seen.next()).done).toBe(true)
    clearInterval(writing)
    rmSync(folder, { recursive: true })
  })
})
