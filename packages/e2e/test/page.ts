import axe from 'axe-core'
import type { BrowserContextOptions, Page, Response } from 'playwright-core'
import { expect } from 'vitest'
import type { TestBrowser } from './browser.ts'
import { hasReader } from './topology.ts'

/** The page in a browser context of its own. */
export interface OpenPage extends AsyncDisposable {
  readonly page: Page
  readonly response: Response | null
  /** What the page threw or logged so far. */
  readonly errors: readonly string[]
  /** The URLs of the requests finished so far. */
  readonly requests: readonly string[]
  /** The size of their responses. */
  bytes(): number
}

/** How to open the page. */
export interface PageOptions extends BrowserContextOptions {
  /** How far the browser's clock is ahead, in milliseconds. @default 0 */
  readonly clockAheadMs?: number
  /** Runs in the page before its own scripts. @default nothing */
  readonly script?: string
}

/** Opens the page and waits until it shows that every service is up. The caller disposes of it: `await using`. */
export async function openPage({ browser, url }: TestBrowser, options: PageOptions = {}): Promise<OpenPage> {
  const { clockAheadMs = 0, script = '', ...contextOptions } = options
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...contextOptions })
  await context.addInitScript(`
    const Clock = Date
    Date = class extends Clock {
      constructor(...given) { given.length > 0 ? super(...given) : super(Date.now()) }
      static now() { return Clock.now() + ${clockAheadMs} }
    }
  `)
  await context.addInitScript(script)
  const page = await context.newPage()
  page.setDefaultTimeout(300_000)
  const errors: string[] = []
  const requests: string[] = []
  let bytes = 0
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() !== 'log') errors.push(message.text())
  })
  page.on('requestfinished', async (request) => {
    requests.push(request.url())
    // The page may close before the browser has answered.
    const { responseBodySize, responseHeadersSize } = await request
      .sizes()
      .catch(() => ({ responseBodySize: 0, responseHeadersSize: 0 }))
    bytes += responseBodySize + responseHeadersSize
  })
  const response = await page.goto(`${url}/ui/`)
  await waitForServices(page)
  return { page, response, errors, requests, bytes: () => bytes, [Symbol.asyncDispose]: () => context.close() }
}

/** Waits until the page shows that every service of the topology is up. */
export async function waitForServices(page: Page): Promise<void> {
  await page.locator('#services:not(:has(li:not([data-state=up], [data-state=none])))').waitFor()
  expect(await page.locator('#services [data-state=none]').count()).toBe(hasReader ? 0 : 1)
}

/** Expects that the page passes the checks of axe, and does not scroll sideways. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source)
  const { violations, passes } = await page.evaluate<Record<'violations' | 'passes', { id: string }[]>>('axe.run()')
  expect(violations).toEqual([])
  expect(passes.map(({ id }) => id)).toContain('color-contrast')
  expect(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBe(0)
}
