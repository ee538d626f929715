import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { expect, it } from 'vitest'

const compose = readFileSync(join(repositoryRoot, 'packages/bench/compose.yaml'), 'utf8')

/** Apache's configuration as a candidate changes it. */
function configurationOf(service: string): string {
  const [, script = ''] = new RegExp(`^  ${service}:\\n(?:    .*\\n)*? +sed -E '(.+)'`, 'm').exec(compose) ?? []
  return execFileSync('sed', ['-E', script, join(repositoryRoot, 'apps/web/httpd.conf')], { encoding: 'utf8' })
}

it('sends every request for Flask by the protocol of uWSGI', () => {
  const upstreams = configurationOf('web-baseline-flask').matchAll(/(\w+):\/\/\$\{APP_UPSTREAM\}/g)
  const [first, ...others] = Array.from(upstreams, ([, protocol]) => protocol)
  expect(first).toBe('uwsgi')
  for (const other of others) expect(other).toBe('uwsgi')
})

it('sends no request for a file to an app', () => {
  const configuration = configurationOf('web-file')
  expect(configuration).toContain('DocumentRoot /tmp/files')
  expect(configuration.match(/^ProxyPass \/ .*|^RewriteRule .*\[(.*,)?P\b.*/gm)).toBeNull()
})
