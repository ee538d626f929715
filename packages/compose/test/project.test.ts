import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { openProject } from '../src/project.ts'

afterEach(() => void vi.unstubAllEnvs())

it('finds the Compose files of a checkout whose path has commas', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'docker-'))
  const script =
    '#!/bin/sh\ncase $1 in compose) echo id ;; inspect) echo "/a,b/compose.yaml,/a,b/compose.light.yaml" ;; esac\n'
  await writeFile(join(folder.path, 'docker'), script, { mode: 0o755 })
  vi.stubEnv('PATH', `${folder.path}:${process.env.PATH}`)
  expect(await openProject().filesOf('db-writer')).toEqual(['/a,b/compose.yaml', '/a,b/compose.light.yaml'])
})

it('sends SQL that is longer than an argument of a command may be', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'docker-'))
  await writeFile(join(folder.path, 'docker'), '#!/bin/sh\necho "$*"\nexec wc -c\n', { mode: 0o755 })
  vi.stubEnv('PATH', `${folder.path}:${process.env.PATH}`)
  const [command, length] = (await openProject().sql('db-reader', 'x'.repeat(500_000))).split('\n')
  expect(command).toMatch(/ exec --no-TTY db-reader mysql /)
  expect(length).toBe('500000')
})
