import type { Locator, Page } from 'playwright-core'
import type { TestBrowser } from '../browser.ts'
import { type OpenPage, openPage, type PageOptions } from '../page.ts'

/** Opens the page and waits until it also shows the list and the chart of the times. */
export async function openTimes(chromium: TestBrowser, options?: PageOptions): Promise<OpenPage> {
  const opened = await openPage(chromium, options)
  await opened.page.locator('#times li, #empty:visible').first().waitFor()
  await opened.page.locator('#summary', { hasText: 'visit' }).waitFor()
  return opened
}

/** The rows of the list. */
export const rowsOf = (page: Page): Locator => page.locator('#times li')

/** The number of times in the chart. */
export async function countTimes(page: Page): Promise<number> {
  return Number((await page.locator('#summary').textContent())?.split(' ')[0]?.replaceAll(',', ''))
}

/** Chooses a range of the chart, and waits until it is drawn with one bar for each `period`. */
export async function chooseRange(page: Page, range: string, period: string): Promise<void> {
  await page.getByRole('radio', { name: range }).check()
  await page.locator('#per', { hasText: `per ${period}` }).waitFor()
}
