import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { createApp } from './synthesis.ts'

const folder = mkdtempSync(join(tmpdir(), 'deploy-'))
afterAll(() => rmSync(folder, { recursive: true }))

const git = (...args: readonly string[]) =>
  execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.org', ...args], {
    cwd: folder,
    encoding: 'utf8',
  })

/** Replaces a program by a shell script. */
function fake(name: string, script: string): void {
  writeFileSync(join(folder, 'bin', name), `#!/bin/bash\n${script}\n`, { mode: 0o755 })
}

/** Runs a script of the workflow in a checkout. */
function run(script: string) {
  const env = {
    PATH: `${folder}/bin:${process.env.PATH}`,
    HOME: folder,
    GITHUB_STEP_SUMMARY: join(folder, 'summary.md'),
  }
  const { status, stdout, stderr } = spawnSync('bash', ['--norc', script], { cwd: folder, env, encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

beforeAll(() => {
  mkdirSync(join(folder, 'bin'))
  cpSync(join(repositoryRoot, '.ci'), join(folder, '.ci'), { recursive: true })
  for (const name of ['node_modules', 'infra', 'cdk.json']) symlinkSync(join(repositoryRoot, name), join(folder, name))
  git('init', '--quiet')
  git('commit', '--quiet', '--allow-empty', '--message', 'feat: be the release')
  git('update-ref', 'refs/remotes/origin/main', 'HEAD')
})

describe('.ci/require-tested-release', () => {
  it('accepts a commit of main whose CI has succeeded, and a former one', () => {
    fake('gh', 'case "$*" in *"--workflow ci.yml"*"--status success"*) echo 1 ;; *) exit 1 ;; esac')
    expect(run('.ci/require-tested-release')).toEqual({ status: 0, output: '' })
  })

  it('refuses a commit that CI has not tested', () => {
    fake('gh', 'echo 0')
    expect(run('.ci/require-tested-release')).toMatchObject({
      status: 1,
      output: expect.stringContaining('CI has not'),
    })
  })

  it('refuses a commit of another branch', () => {
    fake('gh', 'echo 1')
    git('checkout', '--quiet', '-b', 'other')
    git('commit', '--quiet', '--allow-empty', '--message', 'feat: be elsewhere')
    expect(run('.ci/require-tested-release')).toMatchObject({ status: 1, output: expect.stringContaining('of main') })
    git('checkout', '--quiet', 'origin/main')
  })
})

describe('.ci/review', () => {
  beforeAll(() => {
    const { app } = createApp()
    app.synth()
    execFileSync('tar', ['-cf', join(folder, 'assembly.tar'), '--transform', 's/^[.]/cdk.out/', '-C', app.outdir, '.'])
  })

  /** A stack of deployed.json, in a status. */
  const fakeStack = (status: string) =>
    fake(
      'aws',
      `case "$*" in
         "cloudformation describe-stacks --stack-name ${configs.dev.stackName} --query Stacks[0].StackStatus --output text") echo ${status} ;;
         "cloudformation get-template --stack-name ${configs.dev.stackName} --query TemplateBody --output json") cat deployed.json ;;
         *) exit 1 ;;
       esac`,
    )

  const summary = () => readFileSync(join(folder, 'summary.md'), 'utf8')

  it('shows the changes and the cost of a deployment', () => {
    const deployed = JSON.parse(JSON.stringify(createApp().app.synth().getStackByName(configs.dev.stackName).template))
    const [gateway] =
      Object.entries<{ Type: string }>(deployed.Resources).find(([, { Type }]) => Type.endsWith('NatGateway')) ?? []
    delete deployed.Resources[String(gateway)]
    writeFileSync(join(folder, 'deployed.json'), JSON.stringify(deployed))
    fakeStack('UPDATE_COMPLETE')
    expect(run('.ci/review')).toMatchObject({ status: 0 })
    expect(summary()).toContain('feat: be the release')
    expect(summary()).toMatch(/\| NAT gateways \| 0 × \| 0\.00 \| 1 × \| 45\.26 \|/)
    expect(summary()).toMatch(/\[\+\] AWS::EC2::NatGateway/)
    expect(summary()).not.toMatch(/\[[-+]\] AWS::RDS/)
  })

  it('shows everything for a stack that does not exist', () => {
    fake('aws', 'echo "Stack with id X does not exist" >&2; exit 254')
    expect(run('.ci/review')).toMatchObject({ status: 0 })
    expect(summary()).toMatch(/\[\+\] AWS::RDS::DBCluster/)
  })

  // `cdk deploy` deletes such a stack. CloudFormation still returns the template that failed.
  it('shows everything for a stack whose first deployment failed', () => {
    writeFileSync(join(folder, 'summary.md'), '')
    writeFileSync(
      join(folder, 'deployed.json'),
      JSON.stringify(createApp().app.synth().getStackByName(configs.dev.stackName).template),
    )
    fakeStack('ROLLBACK_COMPLETE')
    expect(run('.ci/review')).toMatchObject({ status: 0 })
    expect(summary()).toMatch(/\[\+\] AWS::RDS::DBCluster/)
  })

  it('fails when the deployed template cannot be read', () => {
    fake('aws', 'echo "AccessDenied" >&2; exit 254')
    expect(run('.ci/review')).toMatchObject({ status: 1, output: expect.stringContaining('AccessDenied') })
  })
})
