import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { afterEach, expect, it, vi } from 'vitest'
import { openOwnProject } from '../src/cli.ts'

afterEach(() => void vi.unstubAllEnvs())

/** The files that commands read while a topology runs that was started with others. */
async function filesOf(started: readonly string[], given: string): Promise<string> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'docker-'))
  const script = `#!/usr/bin/env bash
case "$*" in
  'compose files') echo "$COMPOSE_FILE" ;;
  compose*) echo id ;;
  *config_files*) cat <<<"$FILES" ;;
  *working_dir*) cat <<<"$FOLDER" ;;
esac
`
  await writeFile(join(folder.path, 'docker'), script, { mode: 0o755 })
  vi.stubEnv('PATH', `${folder.path}:${process.env.PATH}`)
  vi.stubEnv('FILES', JSON.stringify(started.map((file) => join(repositoryRoot, file)).join(',')))
  vi.stubEnv('FOLDER', JSON.stringify(repositoryRoot))
  vi.stubEnv('COMPOSE_FILE', given)
  vi.stubEnv('COMPOSE_PATH_SEPARATOR', '')
  const project = await openOwnProject()
  return (await project.compose('files')).trim()
}

const light = ['compose.yaml', 'compose.light.yaml']

it.each([
  [['compose.yaml'], '', ''],
  [['compose.yaml'], 'compose.yaml:mine.yaml', 'compose.yaml:mine.yaml'],
  [light, '', 'compose.yaml:compose.light.yaml'],
  [light, 'compose.yaml:mine.yaml', 'compose.yaml:mine.yaml:compose.light.yaml'],
  [light, 'compose.yaml:compose.dev.yaml', 'compose.yaml:compose.dev.yaml:compose.light.yaml'],
  [light, 'compose.yaml:compose.light.yaml', 'compose.yaml:compose.light.yaml'],
])('keeps a light topology light: started with %j, COMPOSE_FILE=%s', async (started, given, files) => {
  expect(await filesOf(started, given)).toBe(files)
})
