import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { readme } from '../../src/init/documents.ts'
import { productNames } from '../../src/init/product-names.ts'

const upstream = readFileSync(join(repositoryRoot, 'README.md'), 'utf8')

describe("the owner's README", () => {
  it.each([true, false])('has the figures of npm run idle if the times stay: %s', (keepsTimes) => {
    const text = readme(upstream, productNames('origin'), productNames('acme'), keepsTimes)
    expect(text.includes('<!-- npm run idle -->\n')).toBe(keepsTimes)
  })

  it('has the commands, but init', () => {
    const text = readme(upstream, productNames('origin'), productNames('acme'), false)
    expect(text).toContain('| `npm run upgrade` | ')
    expect(text).not.toContain('npm run init')
    expect(text).not.toMatch(/such a project|makes a project/)
  })
})
