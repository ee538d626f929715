import { expect, it } from 'vitest'
import { shareWeb, web } from './shared-web.ts'

shareWeb()

it('has the files of their part of the page', async () => {
  const { body } = await web.request('/ui/')
  // Their names are those by their content.
  for (const source of ['times/times.css', 'uPlot.iife.min.js', 'uPlot.min.css']) {
    const [stem, extension] = source.split(/\.(?=\w+$)/)
    const [file = source] = new RegExp(`${stem}\\.[0-9a-f]{16}\\.${extension}`).exec(body) ?? []
    expect(await web.request(`/ui/${file}`), source).toMatchObject({ status: 200 })
  }
  expect(await web.request('/ui/uPlot.LICENSE.txt')).toMatchObject({ status: 200 })
  for (const path of ['/ui/times/', '/ui/times/main.html']) {
    expect([403, 404], path).toContain((await web.request(path)).status)
  }
})

it('says of GET /write, as of other writes, that it may have been carried out', async () => {
  const { status, headers, body } = await web.request('/write?die')
  expect([status, headers['retry-after']]).toEqual([502, undefined])
  expect(JSON.parse(body)).toMatchObject({ type: '/openapi.json#/components/schemas/OutcomeUnknown', status: 502 })
  const other = await web.request('/writes?die')
  expect([other.status, other.headers['retry-after']]).toEqual([502, '1'])
})
