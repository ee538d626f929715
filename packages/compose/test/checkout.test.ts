import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { composeFiles, overrideFiles, repositoryRoot } from '../src/checkout.ts'

afterEach(() => void vi.unstubAllEnvs())

describe('the files that Compose reads', () => {
  it.each([
    ['compose.override.yaml'],
    ['compose.override.yml'],
    ['docker-compose.override.yml'],
    ['compose.override.yml', 'compose.override.yaml'],
  ])('include %s', async (...files) => {
    vi.stubEnv('COMPOSE_FILE', '')
    await using folder = await mkdtempDisposable(join(tmpdir(), 'files-'))
    expect(composeFiles(folder.path)).toEqual(['compose.yaml'])
    for (const file of files) await writeFile(join(folder.path, file), '')
    expect(composeFiles(folder.path)).toEqual(['compose.yaml', files[0]])
  })

  it.each([
    ['compose.yaml:mine.yaml', ''],
    ['compose.yaml;mine.yaml', ';'],
  ])('are those of COMPOSE_FILE=%s, if it is set', (files, separator) => {
    vi.stubEnv('COMPOSE_FILE', files)
    vi.stubEnv('COMPOSE_PATH_SEPARATOR', separator)
    expect(composeFiles()).toEqual(['compose.yaml', 'mine.yaml'])
  })

  it('are the same for npm start -- --light', async () => {
    const script = await readFile(join(repositoryRoot, 'scripts/start.sh'), 'utf8')
    expect(script).toContain(`for file in ${overrideFiles.join(' ')}; do`)
  })
})
