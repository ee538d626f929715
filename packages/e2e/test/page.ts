import type { BrowserContextOptions, Locator, Page, Response } from 'playwright-core'
import type { TestBrowser } from './browser.ts'

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
}

/** Opens the page and waits until it shows its list and its chart. The caller disposes of it: `await using`. */
export async function openPage({ browser, url }: TestBrowser, options: PageOptions = {}): Promise<OpenPage> {
  const { clockAheadMs = 0, ...contextOptions } = options
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...contextOptions })
  await context.addInitScript(`
    const Clock = Date
    Date = class extends Clock {
      constructor(...given) { given.length > 0 ? super(...given) : super(Date.now()) }
      static now() { return Clock.now() + ${clockAheadMs} }
    }
  `)
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
  await page.locator('#times li, #empty:visible').first().waitFor()
  await page.locator('#summary', { hasText: 'visit' }).waitFor()
  return { page, response, errors, requests, bytes: () => bytes, [Symbol.asyncDispose]: () => context.close() }
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
