import { expect, it } from 'vitest'
import { readme } from '../../src/init/documents.ts'
import { productNames } from '../../src/init/product-names.ts'

const figures = '<!-- npm run idle -->\nMemory: little.\n<!-- end -->\n'
const upstream = `# Origin\n\n${figures}\n## Commands\n\n## Layout\n`

it.each([true, false])('the README has the figures of npm run idle if the times stay: %s', (keepsTimes) => {
  const text = readme(upstream, productNames('origin'), productNames('acme'), keepsTimes)
  expect(text.includes(figures)).toBe(keepsTimes)
})
