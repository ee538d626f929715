import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openProject } from '../src/project.ts'

afterEach(() => void vi.unstubAllEnvs())

/** A folder with the files and a `docker` that lists a container with these labels. */
async function withContainer(name: string, use: (checkout: string) => Promise<void>) {
  await using parent = await mkdtempDisposable(join(tmpdir(), 'docker-'))
  const checkout = join(parent.path, name)
  await mkdir(checkout)
  const files = ['compose.yaml', 'compose.light.yaml'].map((file) => join(checkout, file))
  for (const file of files) await writeFile(file, '')
  const script = `#!/usr/bin/env bash
case "$*" in compose*) echo id ;; *config_files*) cat <<<"$FILES" ;; *working_dir*) cat <<<"$FOLDER" ;; esac
`
  await writeFile(join(parent.path, 'docker'), script, { mode: 0o755 })
  vi.stubEnv('PATH', `${parent.path}:${process.env.PATH}`)
  vi.stubEnv('FILES', JSON.stringify(files.join(',')))
  vi.stubEnv('FOLDER', JSON.stringify(checkout))
  await use(checkout)
}

describe.each(['a', 'a,b', 'a,', ',', 'a,,', 'x.yaml,', 'a.', 'a ', 'a\t', "a'", 'a"', 'a$', 'a<&>'])(
  'a checkout in the folder %j',
  (name) => {
    it('has its Compose files found', () =>
      withContainer(name, async (checkout) => {
        const files = await openProject().filesOf('db-writer')
        expect(files).toEqual([join(checkout, 'compose.yaml'), join(checkout, 'compose.light.yaml')])
      }))

    it('is named as it is when it has started the containers', () =>
      withContainer(name, async (checkout) => {
        expect(await openProject().otherCheckouts()).toEqual([checkout])
      }))
  },
)

it('sends SQL that is longer than an argument of a command may be', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'docker-'))
  await writeFile(join(folder.path, 'docker'), '#!/bin/sh\necho "$*"\nexec wc -c\n', { mode: 0o755 })
  vi.stubEnv('PATH', `${folder.path}:${process.env.PATH}`)
  const [command, length] = (await openProject().sql('db-reader', 'x'.repeat(500_000))).split('\n')
  expect(command).toMatch(/ exec --no-TTY db-reader mysql /)
  expect(length).toBe('500000')
})
