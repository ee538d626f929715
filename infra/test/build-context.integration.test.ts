import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { copyCheckout } from '@repo/compose/testing'
import { App, AssetStaging, Stack } from 'aws-cdk-lib'
import { DockerImageAsset } from 'aws-cdk-lib/aws-ecr-assets'
import { afterAll, beforeAll, expect, it } from 'vitest'

let checkout: string
const file = 'docker/app/Dockerfile'
/** CDK remembers a folder's hash; each call reads the files. */
function imageHash(): string {
  AssetStaging.clearAssetHashCache()
  return new DockerImageAsset(new Stack(new App({ outdir: join(checkout, 'cdk.out') })), 'Image', {
    directory: checkout,
    file,
    exclude: [`!${file}`],
  }).assetHash
}

beforeAll(async () => {
  checkout = await copyCheckout()
})
afterAll(() => rmSync(checkout, { recursive: true }))

it('changes with the source', () => {
  const before = imageHash()
  writeFileSync(join(checkout, 'apps/app/src/added.ts'), '')
  expect(imageHash()).not.toBe(before)
})

it.each([
  'packages/db/migrations/.DS_Store',
  'packages/db/migrations/._0001_create_times.sql',
  'packages/db/migrations/README.md',
  'packages/db/migrations/0001_create_times.sql.orig',
  'apps/app/src/.main.ts.swp',
  'apps/app/src/main.ts~',
  'apps/app/src/#main.ts#',
  'apps/app/src/main.ts.rej',
  'apps/app/src/main.ts___jb_tmp___',
  'apps/app/src/.idea/workspace.xml',
  'apps/web/page/Thumbs.db',
  'docker/mysql/.my.cnf.un~',
  'docker/haproxy/alb.cfg.bak',
  'apps/app/src/main.ts.save',
  'apps/app/src/http/4913',
  'apps/web/page/main.ts.old',
  'apps/web/page/Icon\r',
  'packages/db/migrations/notes.txt',
  'packages/db/migrations/ehthumbs.db',
  'docker/mysql/start.sh.kate-swp',
  'packages/db/README.MD',
])('does not change with %s, so that no instance is replaced for it', (path) => {
  const before = imageHash()
  mkdirSync(dirname(join(checkout, path)), { recursive: true })
  writeFileSync(join(checkout, path), 'left')
  expect(imageHash()).toBe(before)
})
