import { buildImage } from '@repo/compose'
import { testContainer } from '@repo/compose/testing'
import { type Browser, chromium } from 'playwright-core'
import { Wait } from 'testcontainers'
import { topology } from './topology.ts'

/** Chromium in a container, in the network of the ALB. */
export interface TestBrowser extends AsyncDisposable {
  readonly browser: Browser
  /** The ALB's address in that network. */
  readonly url: string
}

/** Starts the browser. The caller disposes of it: `await using` or `[Symbol.asyncDispose]()`. */
export async function openBrowser(): Promise<TestBrowser> {
  const container = await testContainer(await buildImage('browser'))
    // The one network of the topology that is not internal, so that the port can be published.
    .withNetworkMode(`${topology.project}_public`)
    .withDroppedCapabilities('ALL')
    .withSecurityOpt('no-new-privileges')
    .withExposedPorts(9222)
    .withWaitStrategy(Wait.forHttp('/json/version', 9222))
    .start()
  try {
    const endpoint = `http://127.0.0.1:${container.getMappedPort(9222)}`
    const browser = await chromium.connectOverCDP(endpoint, { timeout: 300_000 })
    return {
      browser,
      url: 'http://alb',
      async [Symbol.asyncDispose]() {
        await browser.close()
        await container.stop()
      },
    }
  } catch (error) {
    await container.stop()
    throw error
  }
}
