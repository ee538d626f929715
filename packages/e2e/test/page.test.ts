import { waitFor } from '@repo/compose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBrowser, type TestBrowser } from './browser.ts'
import { expectAccessible, openPage, waitForServices } from './page.ts'
import { databases, hasReader, restoreTopology, topology } from './topology.ts'

let chromium: TestBrowser

beforeAll(async () => {
  chromium = await openBrowser()
})
afterAll(() => chromium?.[Symbol.asyncDispose]())

describe('the page', () => {
  it('shows the state of each service, and the instances that responded', async () => {
    await using opened = await openPage(chromium)
    const { page } = opened
    expect(await page.locator('#services li').count()).toBe(6)
    for (const tier of ['web', 'app']) {
      const ids = await topology.containers(tier)
      const shown = (await page.locator(`#${tier} .detail`).textContent())?.slice(0, 8)
      expect(ids.map((id) => id.slice(0, 8))).toContain(shown)
    }
    const detail = (service: string) => page.textContent(`#${service} .detail`)
    const writes = hasReader ? 'writes' : 'writes and reads, on one machine'
    await waitFor('what the writer does', async () => (await detail('db-writer')) === writes)
    expect(await detail('db-reader')).toMatch(hasReader ? /^lag \d+(\.\d)? m?s$/ : /^writer serves reads$/)
    await waitFor('no notice', () => page.locator('#notice').isHidden())
  })

  it('loads nothing from other hosts, under a strict policy, in less than 150 KB', async () => {
    await using opened = await openPage(chromium)
    const policy = opened.response?.headers()['content-security-policy'] ?? ''
    expect(policy).toMatch(/^default-src 'none';/)
    expect(policy).not.toMatch(/unsafe|\*|https?:/)
    expect(opened.requests.filter((url) => !url.startsWith(`${chromium.url}/`))).toEqual([])
    expect(opened.requests.length).toBeGreaterThan(5)
    expect(opened.bytes()).toBeGreaterThan(5_000)
    expect(opened.bytes()).toBeLessThan(150_000)
    expect(opened.errors).toEqual([])
  })

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
  ] as const)('passes the checks of axe and does not scroll sideways (%s, %i wide)', async (colorScheme, width) => {
    await using opened = await openPage(chromium, {
      colorScheme,
      viewport: { width, height: 900 },
      reducedMotion: 'reduce',
    })
    const { page } = opened
    await expectAccessible(page)
  })
})

describe('while the databases are unavailable', () => {
  afterAll(restoreTopology)

  it('shows it, and continues without a reload after they are started', async () => {
    await using opened = await openPage(chromium)
    const { page } = opened
    await topology.compose('kill', ...databases)
    await page.locator('#notice:visible', { hasText: 'The database is unavailable' }).waitFor()
    await page.locator('#db-writer[data-state=down]').waitFor()
    await page.locator(`#db-reader[data-state=${hasReader ? 'down' : 'none'}]`).waitFor()
    await page.locator('#app[data-state=up]').waitFor()

    await topology.compose('start', ...databases)
    await page.locator('#notice').waitFor({ state: 'hidden' })
    await waitForServices(page)
    // The browser's console reports refused requests; nothing else may be reported.
    expect(opened.errors.filter((text) => !text.includes('status of 503'))).toEqual([])
  })
})
