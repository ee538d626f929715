import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { copyCheckout } from '../src/checkout-copy.ts'

it('reads .env as Compose does', async () => {
  const copy = await copyCheckout()
  writeFileSync(
    join(copy, '.env'),
    '\ufeffTAG=1\r\nexport DEBIAN_IMAGE = mine:$TAG # ours\nNODE_EXTRA_CA_CERTS="$HOME/ca.pem"\n',
  )
  const script = `
    import { baseImage, certificatesFile } from '@repo/compose'
    console.log(baseImage('DEBIAN_IMAGE'), baseImage('NODE_IMAGE'), certificatesFile())`
  const { DEBIAN_IMAGE, NODE_IMAGE, NODE_EXTRA_CA_CERTS, ...env } = process.env
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: join(copy, 'test'),
    env: { ...env, HOME: '/home/me', NODE_IMAGE: 'other:2' },
    encoding: 'utf8',
  })
  rmSync(copy, { recursive: true })
  expect(output).toBe('mine:1 other:2 /home/me/ca.pem\n')
})
