import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, git, openProject, removeLeftovers, repositoryRoot, testProject } from '@repo/compose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** Runs test/bare-machine.sh. @throws with its output. */
const machine = (...args: string[]) =>
  execFileSync('bash', [join(repositoryRoot, 'test/bare-machine.sh'), ...args], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 ** 2,
    stdio: ['ignore', 'pipe', 'pipe'],
  })

describe.each(['trixie', 'bookworm'])('a bare Debian, %s, with Node 20 and npm', (suite) => {
  const name = testProject(suite)
  const checkout = join('srv', name)
  let root: string

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'bare-'))
    await removeLeftovers()
    machine('create', root, suite)
    for (const file of git('ls-files', '-z').split('\0').filter(Boolean)) {
      mkdirSync(join(root, checkout, file, '..'), { recursive: true })
      cpSync(join(repositoryRoot, file), join(root, checkout, file))
    }
  })
  afterAll(async () => {
    await openProject({ name }).compose('down', '--volumes', '--rmi', 'local', '--timeout', '0')
    rmSync(root, { recursive: true })
  })

  it('starts by npm start, and installs nothing the second time', async () => {
    const port = await freePort()
    const start = `cd /${checkout} && WEB_PORT=${port} npm start`
    const first = machine('run', root, start)
    expect(first).toContain('▸ Installing docker, compose, buildx … ')
    expect(first).toContain('▸ Installing libatomic1, which Node.js needs … ')
    expect(first).toContain(`http://localhost:${port}/ui/`)
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200)
    expect(machine('run', root, start)).not.toMatch(/Installing|Pulling/)
  })
})
