import { expect, it } from 'vitest'
import { newBreakingEntries } from '../src/changelog.ts'

const before = '# Changelog\n\n### Changed\n\n- **Breaking:** the first.\n- Not **Breaking:** this.\n'

it('the breaking entries of a changelog are those that the earlier one does not have', () => {
  const after = before.replace(
    '- Not',
    '- **Breaking:** the second,\n  on two lines.\n\n### Fixed\n- **Breaking:** a third.\n- Not',
  )
  expect(newBreakingEntries(before, after)).toEqual(['the second, on two lines.', 'a third.'])
  expect(newBreakingEntries('', before)).toEqual(['the first.'])
  expect(newBreakingEntries(after, after)).toEqual([])
})
