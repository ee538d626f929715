import { baseImage, repositoryRoot, type Stack } from '@repo/compose'
import { type Browser, chromium } from 'playwright-core'
import { GenericContainer, Wait } from 'testcontainers'

/** Chromium in a container, in the network of a stack's ALB. */
export interface TestBrowser extends AsyncDisposable {
  readonly browser: Browser
  /** The ALB's address, as the browser sees it. */
  readonly url: string
}

/** Starts the browser, which needs nothing of this machine but the engine. The caller disposes of it. */
export async function openBrowser({ project }: Pick<Stack, 'project'>): Promise<TestBrowser> {
  // The image of the reaper, which testcontainers would start, cannot be had everywhere; every start is disposed of.
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true'
  const image = await GenericContainer.fromDockerfile(repositoryRoot, 'docker/browser/Dockerfile')
    .withBuildkit()
    .withBuildArgs({ DEBIAN_IMAGE: baseImage('DEBIAN_IMAGE') })
    .build('three-tier-test-browser', { deleteOnExit: false })
  const container = await image
    // The one network of the stack that is not internal, so that the port can be published.
    .withNetworkMode(`${project}_public`)
    .withDroppedCapabilities('ALL')
    .withSecurityOpt('no-new-privileges')
    .withExposedPorts(9222)
    .withWaitStrategy(Wait.forHttp('/json/version', 9222))
    .start()
  try {
    const browser = await chromium.connectOverCDP(`http://127.0.0.1:${container.getMappedPort(9222)}`)
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
