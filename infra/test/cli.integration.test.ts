import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { repositoryRoot } from '@repo/compose'
import { afterAll, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'

const output = mkdtempSync(join(tmpdir(), 'infra-cli-'))
afterAll(() => rmSync(output, { recursive: true }))

it.each(['dev', 'prod'] as const)(
  'npx cdk synth at the root writes %s without Docker, network or account',
  async (environment) => {
    const env = { PATH: process.env.PATH, HOME: output, CDK_DOCKER: '/bin/false', HTTPS_PROXY: 'http://127.0.0.1:9' }
    const args = ['--no', '--', 'cdk', 'synth', '--quiet', '--output', output, '-c', `environment=${environment}`]
    await promisify(execFile)('npx', args, { cwd: repositoryRoot, env })
    expect(existsSync(join(output, `${configs[environment].stackName}.template.json`))).toBe(true)
  },
)
