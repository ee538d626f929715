import { appendFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { copyCheckout } from '../src/checkout-copy.ts'
import { docker } from '../src/docker.ts'
import { testProject } from '../src/test-run.ts'

/** A copy, since the test changes the source. */
let checkout: string
const env = { COMPOSE_PROJECT_NAME: testProject('up') }
const compose = (...args: string[]) => docker(['compose', ...args], { cwd: checkout, env })

beforeAll(async () => {
  checkout = await copyCheckout()
})
afterAll(async () => {
  await compose('down', '--rmi', 'all', '--timeout', '0')
  await rm(checkout, { recursive: true })
})

describe('docker compose up', () => {
  const up = () => compose('up', '--detach', '--no-deps', 'web')
  const served = () => compose('exec', '--no-TTY', 'web', 'cat', '/srv/web/htdocs/robots.txt')
  const containers = () => compose('ps', '--quiet', 'web')

  it('runs the source as it is, and keeps the containers while nothing changes', async () => {
    await up()
    const before = await containers()
    await up()
    expect(await containers()).toBe(before)
    await appendFile(join(checkout, 'apps/web/htdocs/robots.txt'), '# changed\n')
    await up()
    expect(await served()).toMatch(/# changed$/)
  })
})
