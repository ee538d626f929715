import { expect, it } from 'vitest'
import { timesEdits } from '../../src/init/edits.ts'

it('the times leave the registered resources, and no other does', () => {
  const index = `import { lunchTimes } from './lunch-times/resource.ts'
import { times } from './times/resource.ts'

export const resources: readonly Resource[] = [
  lunchTimes,
  times,
]
`
  const edit = timesEdits.find(({ file }) => file === 'apps/app/src/resources/index.ts')
  const left = index.replaceAll(edit?.from ?? '', edit?.to ?? '')
  expect(left).toBe(index.replace("import { times } from './times/resource.ts'\n", '').replace('  times,\n', ''))
})
