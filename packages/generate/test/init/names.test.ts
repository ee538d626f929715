import { describe, expect, it } from 'vitest'
import { checkProductName } from '../../src/init/check-product-name.ts'
import { productNames } from '../../src/init/product-names.ts'

const lockfile = JSON.stringify({ name: 'origin', packages: { 'node_modules/express': {} } })

describe('the name of a project', () => {
  it.each(['acme', 'a', 'my-shop', 'shop2', 'shop-2'])('can be %s', (name) => {
    expect(() => checkProductName(name, lockfile)).not.toThrow()
  })

  it.each([
    '',
    'Acme',
    '2shop',
    'my_shop',
    'my--shop',
    '-shop',
    'shop-',
    'my shop',
    '@me/shop',
    'shöp',
    'x'.repeat(41),
  ])("cannot be '%s'", (name) => {
    expect(() => checkProductName(name, lockfile)).toThrow(`Invalid name '${name}'`)
  })

  it('cannot be that of the origin or of a package', () => {
    expect(() => checkProductName('origin', lockfile)).toThrow('is the name that is to be replaced')
    expect(() => checkProductName('express', lockfile)).toThrow('is the name of a package')
  })

  it('has a form for readers and one for stacks', () => {
    expect(productNames('my-shop-2')).toEqual({ name: 'my-shop-2', title: 'My-shop-2', pascal: 'MyShop2' })
  })
})
