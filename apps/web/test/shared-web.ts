import { afterAll, beforeAll } from 'vitest'
import { openTestEnvironment, type TestEnvironment, type Upstream, type Web } from './test-environment.ts'

/** Those of a file that calls {@link shareWeb}. */
export let environment: TestEnvironment
export let upstream: Upstream
export let web: Web

/** Registers the hooks of a file whose tests share one web container before one upstream. */
export function shareWeb(): void {
  beforeAll(async () => {
    environment = await openTestEnvironment()
    upstream = await environment.startUpstream()
    web = await environment.startWeb()
  })
  afterAll(() => environment?.[Symbol.asyncDispose]())
}
