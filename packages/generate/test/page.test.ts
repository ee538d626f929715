import { expect, it } from 'vitest'
import { parseFields } from '../src/fields.ts'
import { namesOf } from '../src/names.ts'
import { pageHtml } from '../src/templates/page.ts'

it('the labels of times say that they are in UTC', () => {
  const fields = parseFields(['dueAt:datetime?', 'day:date', 'title:string(5)'], new Set(), 'tickets')
  const html = pageHtml(namesOf('ticket'), fields)
  const headings = [...html.matchAll(/data-field="\w+">(.*?)</g)].map(([, heading]) => heading)
  expect(headings).toEqual(['Created (UTC)', 'Due at (UTC)', 'Day', 'Title'])
  const labels = [...html.matchAll(/<label>(.*?) </g)].map(([, label]) => label)
  expect(labels).toEqual(['Due at (UTC)', 'Day', 'Title'])
})
