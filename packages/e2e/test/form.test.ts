import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { parentInsertions } from '@repo/drills/rows.ts'
import { workloads } from '@repo/drills/workloads/index.ts'
import type { Locator } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBrowser, type TestBrowser } from './browser.ts'
import { expectAccessible, type OpenPage, openPage } from './page.ts'
import { topology } from './topology.ts'

/** The first resource with generated routes, whose form and list are in the element with its name. */
const resource = workloads.find(
  ({ name, listPath }) =>
    listPath.startsWith(`/${name}?`) && existsSync(join(repositoryRoot, `apps/web/page/${name}/main.html`)),
)

let chromium: TestBrowser
let opened: OpenPage
/** The form with its list. */
let card: Locator

/** The fields of another entry. */
const fields = () => Object.entries(resource?.write().json as Record<string, string | number | boolean | null>)

async function fillIn(): Promise<void> {
  for (const [name, value] of fields()) {
    const input = card.locator(`[name="${name}"]`)
    // A time as the browser's input takes it.
    const text = String(value ?? '').replace(/\.\d{3}Z$/, '')
    if (typeof value === 'boolean') await input.setChecked(value)
    else if ((await card.locator(`select[name="${name}"]`).count()) > 0) await input.selectOption(text)
    else await input.fill(text)
  }
}

const save = () => card.locator('[type=submit]').click()
const result = (text: string | RegExp) => card.locator('output', { hasText: text }).waitFor()
const rows = () => card.locator('tbody tr')

describe.skipIf(resource === undefined)('the form of a generated resource', () => {
  const { name = '', table = '' } = resource ?? {}

  beforeAll(async () => {
    await topology.sql('db-writer', `SET foreign_key_checks = 0; TRUNCATE ${table}`)
    for (const statement of resource ? parentInsertions(resource) : []) await topology.sql('db-writer', statement)
    chromium = await openBrowser()
    opened = await openPage(chromium)
    card = opened.page.locator(`#${name}`)
    await card.locator('p', { hasText: 'are stored yet' }).waitFor()
  })

  afterAll(async () => {
    await opened?.[Symbol.asyncDispose]()
    await chromium?.[Symbol.asyncDispose]()
  })

  it('stores an entry, and lists it', async () => {
    await fillIn()
    await save()
    await result('Saved.')
    expect(await rows().count()).toBe(1)
    await expectAccessible(opened.page)
  })

  it('changes an entry', async () => {
    const before = await rows().first().textContent()
    await card.getByRole('button', { name: /^Edit/ }).click()
    await card.locator('[type=reset]:visible').waitFor()
    await fillIn()
    await save()
    await result('Saved.')
    expect(await rows().count()).toBe(1)
    expect(await rows().first().textContent()).not.toBe(before)
    await card.locator('[type=reset]').waitFor({ state: 'hidden' })
  })

  it('does not change what has changed since it was shown, and says so', async () => {
    await card.getByRole('button', { name: /^Edit/ }).click()
    await card.locator('[type=reset]:visible').waitFor()
    // As someone else.
    await topology.sql('db-writer', `UPDATE ${table} SET created_at = created_at - INTERVAL 1 DAY`)
    await fillIn()
    await save()
    await result(/has changed/)
    await card.locator('[type=reset]').click()
  })

  it('names the fields that are refused', async () => {
    const required = card.locator('[required]:not(select)')
    if ((await required.count()) === 0) return
    await fillIn()
    const field = await required.first().getAttribute('name')
    await required.first().fill('')
    // The service refuses it, if the browser does not.
    await opened.page.evaluate(`document.querySelector('#${name} form').noValidate = true`)
    await save()
    await result(`'${field}' `)
    expect(await rows().count()).toBe(1)
  })

  it('deletes an entry', async () => {
    await opened.page.reload()
    await card.getByRole('button', { name: /^Delete/ }).click()
    await result('Deleted.')
    await card.locator('p', { hasText: 'are stored yet' }).waitFor()
  })

  it('reports nothing but the requests that were refused', () => {
    expect(opened.errors.filter((text) => !/status of (412|422)/.test(text))).toEqual([])
  })
})
