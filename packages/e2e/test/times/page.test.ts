import { join } from 'node:path'
import { repositoryRoot, waitFor } from '@repo/compose'
import type { Page, Route } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBrowser, type TestBrowser } from '../browser.ts'
import { expectAccessible, type OpenPage, type PageOptions, waitForServices } from '../page.ts'
import { replicated } from '../resource.ts'
import { databases, restoreTopology, topology } from '../topology.ts'
import { chooseRange, countTimes, openTimes, rowsOf } from './page.ts'
import { insertTimes, removeTimes } from './times.ts'

let chromium: TestBrowser

beforeAll(async () => {
  chromium = await openBrowser()
})
afterAll(() => chromium?.[Symbol.asyncDispose]())

const open = (options?: PageOptions): Promise<OpenPage> => openTimes(chromium, options)

const rowCount = (page: Page, count: number) =>
  waitFor(`${count} rows in the list`, async () => (await rowsOf(page).count()) === count)
const visitCount = (page: Page, count: number) =>
  waitFor(`${count} visits in the chart`, async () => (await countTimes(page)) === count)
/** Presses the button, and resolves with what the page says about the save. */
async function save(page: Page): Promise<string | null> {
  await page.click('#save')
  await page.locator('#save:not([aria-busy])').waitFor()
  return await page.textContent('#result')
}
const savedText = /^Saved: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, in \d+ ms$/
const saveTime = async (page: Page) => expect(await save(page)).toMatch(savedText)

describe('the times on the page', () => {
  it('saves a time, and updates the list and the chart of every open page', async () => {
    await removeTimes()
    await using first = await open()
    await using second = await open()
    expect(await first.page.locator('#empty').isVisible()).toBe(true)
    await saveTime(first.page)
    for (const { page } of [first, second]) {
      await rowCount(page, 1)
      await visitCount(page, 1)
    }
    const saved = /\d\d:\d\d:\d\d/.exec((await first.page.textContent('#result')) ?? '')?.[0]
    expect(await rowsOf(second.page).textContent()).toContain(saved)
    await first.page.click('#save')
    await rowCount(second.page, 2)
    await visitCount(second.page, 2)
    expect([...first.errors, ...second.errors]).toEqual([])
  })

  it('draws the visits, and zooms by choice, by button and by dragging', async () => {
    await removeTimes()
    await insertTimes(250, 0)
    await using opened = await open()
    const { page } = opened
    expect(await countTimes(page)).toBe(250)
    const drawn = () => page.locator('#plot canvas').screenshot()
    const perMinute = await drawn()
    await chooseRange(page, 'Day', 'hour')
    await chooseRange(page, 'Year', 'day')
    await chooseRange(page, 'Hour', 'minute')
    await chooseRange(page, 'Week', 'hour')
    expect((await drawn()).equals(perMinute)).toBe(false)
    const wholeWeek = await page.textContent('#summary')
    const plot = await page.locator('#plot .u-over').boundingBox()
    if (!plot) throw new Error('no plot is drawn')
    await page.mouse.move(plot.x + 0.9 * plot.width, plot.y + 50)
    await page.mouse.down()
    await page.mouse.move(plot.x + plot.width - 2, plot.y + 60, { steps: 5 })
    await page.mouse.up()
    await waitFor('another range', async () => (await page.textContent('#summary')) !== wholeWeek)
    await page.getByRole('button', { name: 'Earlier' }).click()
    await waitFor('fewer visits', async () => (await countTimes(page)) < 250)
    expect(opened.errors).toEqual([])
  })

  it('loads more of the list on scroll, and does not replace a list that is scrolled down', async () => {
    await removeTimes()
    await insertTimes(250, 0)
    await using opened = await open()
    const { page } = opened
    expect(await rowsOf(page).count()).toBe(100)
    await rowsOf(page).last().scrollIntoViewIfNeeded()
    await rowCount(page, 200)
    await rowsOf(page).last().scrollIntoViewIfNeeded()
    await rowCount(page, 250)
    expect(await page.locator('#more').isVisible()).toBe(false)
    const clocks = await rowsOf(page).allTextContents()
    const sortable = clocks.map((text) => text.split(' ').reverse().join(' '))
    expect(sortable).toEqual([...sortable].sort().reverse())
    await fetch(`${topology.url}/write`)
    await page.locator('#newest').click()
    await rowCount(page, 100)
    expect(opened.errors).toEqual([])
  })

  it('counts a long list', async () => {
    await removeTimes()
    await insertTimes(100_000, 60)
    await using opened = await open()
    const { page } = opened
    expect(await rowsOf(page).count()).toBe(100)
    await chooseRange(page, 'Month', 'day')
    await visitCount(page, 100_000)
  })

  it('shows no counts of one range as those of another, and says why there are none', async () => {
    await removeTimes()
    await insertTimes(250, 0)
    await using opened = await open()
    const { page } = opened
    await page.click('#table summary')
    await page.locator('#table td').first().waitFor()
    let respond: (route: Route) => unknown = () => {}
    await page.route('**/stats?*', (route) => respond(route))
    const summaryAfter = async (range: string) => {
      await page.getByRole('radio', { name: range }).check()
      return page.textContent('#summary')
    }
    expect(await summaryAfter('Year')).toBe('Counting…')
    expect(await page.textContent('#per')).toBe('per day')
    expect(await page.locator('#table td').count()).toBe(0)
    respond = (route) => route.fulfill({ status: 503, json: { detail: 'Too busy.' } })
    await summaryAfter('Month')
    await page.locator('#summary', { hasText: 'Not counted: Too busy.' }).waitFor()
    respond = (route) => route.abort()
    await summaryAfter('Week')
    await page.locator('#summary', { hasText: 'Not counted: The service is unreachable.' }).waitFor()
    expect(await page.locator('#table td').count()).toBe(0)
    respond = (route) => route.continue()
    await summaryAfter('Hour')
    await visitCount(page, 250)
  })

  it('fills an empty page while the newest time is not known', async () => {
    await removeTimes()
    await insertTimes(3, 0)
    await using opened = await open({
      script: `
        const send = fetch
        fetch = async (path, options) => {
          const response = await send(path, options)
          if (path === '/status') response.json = async () => ({ ...JSON.parse(await response.text()), newest: null })
          return response
        }`,
    })
    await rowCount(opened.page, 3)
    await visitCount(opened.page, 3)
  })

  it.each([
    ['5 hours slow', -5],
    ['5 hours fast', 5],
    ['a year fast', 365 * 24],
  ])('counts the visits of the last hour with a clock that is %s', async (_, hours) => {
    await removeTimes()
    await insertTimes(250, 0)
    await using opened = await open({ clockAheadMs: hours * 3_600_000 })
    const { page } = opened
    expect(await countTimes(page)).toBe(250)
    await saveTime(page)
    await visitCount(page, 251)
    await page.getByRole('button', { name: 'Earlier' }).click()
    await page.getByRole('button', { name: 'Later' }).click()
    await visitCount(page, 251)
    expect(opened.errors).toEqual([])
  })

  it('can be used with the keyboard alone', async () => {
    await removeTimes()
    await insertTimes(250, 0)
    await using opened = await open()
    const { page } = opened
    const focused = () => page.evaluate<string>('document.activeElement.id || document.activeElement.tagName')
    const tabTo = async (target: string) => {
      for (let presses = 0; presses < 20 && (await focused()) !== target; presses += 1) await page.keyboard.press('Tab')
      expect(await focused()).toBe(target)
    }
    const period = (name: string) => page.locator('#per', { hasText: `per ${name}` }).waitFor()
    await tabTo('save')
    await page.keyboard.press('Enter')
    await page.locator('#result', { hasText: 'Saved' }).waitFor()
    await tabTo('INPUT')
    await page.keyboard.press('ArrowRight')
    await period('hour')
    await tabTo('plot')
    await page.keyboard.press('+')
    await page.keyboard.press('+')
    await period('minute')
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('Escape')
    await waitFor('visits in the chart', async () => (await countTimes(page)) > 0)
    await tabTo('SUMMARY')
    await page.keyboard.press('Enter')
    await page.locator('#table td').first().waitFor()
    await tabTo('times')
    await page.keyboard.press('End')
    await waitFor('more than 100 rows', async () => (await rowsOf(page).count()) > 100)
  })

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
  ] as const)('passes the checks of axe and does not scroll sideways (%s, %i wide)', async (colorScheme, width) => {
    await using opened = await open({ colorScheme, viewport: { width, height: 900 }, reducedMotion: 'reduce' })
    const { page } = opened
    await saveTime(page)
    await page.click('#table summary')
    await expectAccessible(page)
  })
})

describe('while the databases are unavailable', () => {
  afterAll(restoreTopology)

  it('says that a time is not saved, and saves one without a reload after they are started', async () => {
    await removeTimes()
    await using opened = await open()
    const { page } = opened
    await topology.compose('kill', ...databases)
    await page.locator('#notice:visible', { hasText: 'The database is unavailable' }).waitFor()
    await page.click('#save')
    await page.locator('#result', { hasText: 'Not saved.' }).waitFor()

    await topology.compose('start', ...databases)
    await page.locator('#notice').waitFor({ state: 'hidden' })
    await waitForServices(page)
    // A writer that has just started may take longer than the page waits: its user presses again.
    await waitFor('a time to be saved', async () => savedText.test((await save(page)) ?? ''))
    await waitFor('a row in the list', async () => (await rowsOf(page).count()) > 0)
    // The browser's console reports refused requests; nothing else may be reported.
    expect(opened.errors.filter((text) => !text.includes('status of 503'))).toEqual([])
  })
})

// Takes the screenshot of the README when asked to: see docs/development.md.
it.runIf(process.env.PAGE_SCREENSHOT)('takes a screenshot', async () => {
  await removeTimes()
  await replicated(`INSERT INTO testdb.testtable (dt)
    WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 899)
    SELECT UTC_TIMESTAMP() - INTERVAL (3.9 * i + 60 * POW(SIN(i / 43), 2) * (1 + SIN(i / 7))) SECOND FROM n
    WHERE i % 11 > 10 * POW(COS(i / 97), 2)`)
  await using opened = await open({ viewport: { width: 1200, height: 800 } })
  const { page } = opened
  await saveTime(page)
  await page.locator('.new').first().waitFor()
  await page.mouse.move(0, 0)
  const both = async () => (await page.locator('.detail', { hasText: 'more' }).count()) === 2
  await waitFor('both instances of both tiers', both)
  await page.screenshot({ path: join(repositoryRoot, String(process.env.PAGE_SCREENSHOT)), fullPage: true })
})
