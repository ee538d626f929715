import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { repositoryRoot } from '@repo/compose'
import { afterAll, describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'

const output = mkdtempSync(join(tmpdir(), 'infra-cli-'))
afterAll(() => rmSync(output, { recursive: true }))

/** Runs `npx cdk synth` at the root without Docker, network or account, with files that only their owner may read. */
function synth(...args: readonly string[]) {
  const env = { PATH: process.env.PATH, HOME: output, CDK_DOCKER: '/bin/false', HTTPS_PROXY: 'http://127.0.0.1:9' }
  const command = ['npx', '--no', '--', 'cdk', 'synth', '--quiet', '--output', output, ...args]
  return promisify(execFile)('sh', ['-c', 'umask 077; exec "$@"', 'sh', ...command], {
    cwd: repositoryRoot,
    env,
    timeout: 60_000,
  })
}

const template = (stackName: string) => join(output, `${stackName}.template.json`)

describe('npx cdk synth at the root', () => {
  it.each(['dev', 'lab', 'paused'] as const)('writes the template of %s', async (environment) => {
    await synth('-c', `environment=${environment}`)
    expect(existsSync(template(configs[environment].stackName))).toBe(true)
  })

  it('writes functions that Lambda can read, whatever the umask is', () => {
    const modes = readdirSync(output, { recursive: true, encoding: 'utf8' }).map((path) => ({
      path,
      mode: statSync(join(output, path)).mode,
    }))
    expect(modes.map(({ path }) => path)).toContainEqual(expect.stringMatching(/^asset\..*\.mjs$/))
    expect(modes.filter(({ mode }) => (mode & 0o444) !== 0o444)).toEqual([])
    expect(modes.filter(({ mode }) => mode & 0o040000 && (mode & 0o111) !== 0o111)).toEqual([])
  })

  it('names what prod lacks', async () => {
    const failure = await synth('--app', 'node infra/test/prod.ts', '-c', 'incomplete=true').catch(
      (error: { stderr: string }) => error.stderr,
    )
    expect(failure).toMatch(
      /prod is not complete and valid: set in infra\/lib\/config\.ts\n +certificate: .*\n +alarmEmail: /,
    )
  })

  it('writes the template of prod with what it requires', async () => {
    await synth('--app', 'node infra/test/prod.ts')
    expect(existsSync(template(configs.prod.stackName))).toBe(true)
  })

  it('names the environments when there is no such one', async () => {
    const failure = await synth('-c', 'environment=staging').catch((error: { stderr: string }) => error.stderr)
    expect(failure).toContain('unknown environment: got "staging", allowed are dev, lab, paused, prod')
  })
})
