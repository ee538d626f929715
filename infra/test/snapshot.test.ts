import { expect, it } from 'vitest'
import { synthesize } from './synthesis.ts'

it('synthesizes the template of the snapshot, except for hashes of sources', async () => {
  const text = JSON.stringify(synthesize().template, null, 1)
  const masked = text
    .replaceAll(/[0-9a-f]{64}/g, 'HASH')
    .replaceAll(/(DataSchemaSql)[0-9a-f]{8}[0-9A-F]{8}/g, '$1HASH')
    .replaceAll(/("\/schema\/[^/"]+\/)[0-9a-f]{8}"/g, '$1HASH"')
  await expect(`${masked}\n`).toMatchFileSnapshot('snapshots/dev.template.json')
})
