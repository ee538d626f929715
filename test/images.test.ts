import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { git, repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'

const read = (file: string) => readFileSync(join(repositoryRoot, file), 'utf8')

const dockerfiles = git('ls-files', '*Dockerfile').trimEnd().split('\n')

describe.each(dockerfiles)('%s', (file) => {
  it('sets the modes of what it copies from the checkout, whose umask may deny reading', () => {
    const copies = read(file).match(/^(COPY|ADD) (?!.*--from=).*/gm) ?? []
    for (const copy of copies) expect(copy).toMatch(/^COPY --chmod=0(644|755) /)
  })
})
