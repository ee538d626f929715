import { waitFor } from '@repo/compose'
import { expect, it } from 'vitest'
import { openBrowser } from '../browser.ts'
import { chooseRange, countTimes, openTimes, rowsOf } from './page.ts'
import { insertTimes, removeTimes } from './times.ts'

it('shows the list of a million times within a second, and counts them', async () => {
  await removeTimes()
  await insertTimes(1_000_000, 60)
  await using chromium = await openBrowser()
  // The first pages are read from disk.
  await waitFor('a list within a second', async () => {
    await using opened = await openTimes(chromium)
    const listedMs = await opened.page.evaluate<number>(
      "performance.getEntriesByType('resource').find(({ name }) => name.includes('/read')).responseEnd",
    )
    return listedMs < 1000
  })
  await using opened = await openTimes(chromium)
  const { page } = opened
  expect(await rowsOf(page).count()).toBe(100)
  await waitFor('a million visits', async () => {
    await chooseRange(page, 'Year', 'day')
    await chooseRange(page, 'Month', 'day')
    return (await countTimes(page)) === 1_000_000
  })
  expect(opened.requests.length).toBeLessThan(60)
})
