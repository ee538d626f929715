import { expect, it } from 'vitest'
import { changesBetween, fill, type Input, readInputs, textOf } from '../page/inputs.ts'

const input = (name: string, type?: string, required = false): Input => ({
  name,
  required,
  value: '',
  checked: false,
  dataset: { type },
})

it('an edited form sends what was changed in it, and nothing that it cannot show', () => {
  const [title, done, due] = [input('title', undefined, true), input('done', 'boolean'), input('due', 'datetime')]
  const inputs = [title, done, due]
  fill(title, 'First')
  fill(done, null)
  fill(due, '2026-11-22T09:33:53.123Z')
  const shown = readInputs(inputs)
  expect(changesBetween(shown, readInputs(inputs))).toEqual({})
  title.value = 'Second'
  expect(changesBetween(shown, readInputs(inputs))).toEqual({ title: 'Second' })
  done.checked = true
  due.value = '2026-11-22T09:33'
  expect(changesBetween(shown, readInputs(inputs))).toEqual({
    title: 'Second',
    done: true,
    due: '2026-11-22T09:33:00Z',
  })
  due.value = ''
  expect(changesBetween(shown, readInputs(inputs))).toMatchObject({ due: null })
})

it.each([
  [true, 'yes'],
  [null, ''],
  [0, '0'],
  ['2026-11-22T09:33:53.123Z', '2026-11-22 09:33:53'],
  ['😀'.repeat(100), '😀'.repeat(100)],
  ['😀'.repeat(101), `${'😀'.repeat(100)}…`],
])('a list shows %j as %j', (value, text) => {
  expect(textOf(value)).toBe(text)
})
