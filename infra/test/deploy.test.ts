import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { repositoryRoot } from '../lib/repository-root.ts'
import { createApp } from './synthesis.ts'

const text = readFileSync(join(repositoryRoot, '.github/workflows/deploy.yml'), 'utf8')

/** The text of each job. */
const jobs = Object.fromEntries(
  (text.split(/^jobs:$/m)[1] ?? '').split(/^(?= {2}\w+:$)/m).flatMap((job) => {
    const [, name] = /^ {2}(\w+):$/m.exec(job) ?? []
    return name ? [[name, job]] : []
  }),
)
const job = (name: string) => jobs[name] ?? ''

describe('the workflow Deploy', () => {
  it('is started by hand only, from main', () => {
    expect(text.split(/^on:$/m)[1]).toMatch(/^\n {2}workflow_dispatch:\n/)
    expect(text).not.toMatch(/^ {2}(push|pull_request|schedule):/m)
    expect(job('assemble')).toContain("if: github.ref == 'refs/heads/main'")
  })

  it('shows the changes before the approval, with a role that reads', () => {
    expect(Object.keys(jobs)).toEqual(['assemble', 'review', 'deploy'])
    expect(job('review')).toMatch(/needs: assemble\n {4}environment: \$\{\{ inputs\.environment \}\}-review\n/)
    expect(job('review')).toContain('run: bash .ci/review')
    expect(job('deploy')).toMatch(/needs: review\n {4}environment: \$\{\{ inputs\.environment \}\}\n/)
    expect(job('assemble')).not.toMatch(/id-token|role-to-assume/)
  })

  it('deploys the reviewed assembly', () => {
    const artifact = /(up|down)load-artifact@.*\n {8}with:\n {10}name: assembly\n/
    for (const name of Object.keys(jobs)) expect(job(name)).toMatch(artifact)
    for (const name of ['review', 'deploy']) expect(job(name)).not.toMatch(/npm run|\.ci\/assemble/)
  })

  it('requires a commit of main that CI has tested, which may be a former one', () => {
    expect(job('assemble')).toMatch(/run: bash \.ci\/require-tested-release\n[\s\S]*run: bash \.ci\/assemble\n/)
    for (const name of Object.keys(jobs)) expect(job(name)).toMatch(/ref: \$\{\{ inputs\.release \|\| github\.sha \}\}/)
  })

  it.each(['review', 'deploy'])('installs before it has credentials: %s', (name) => {
    expect(job(name)).toMatch(/setup\.sh dependencies\n[\s\S]*configure-aws-credentials@[\s\S]*run: bash \.ci\/\w+\n+$/)
    expect(job(name).split('role-to-assume')[1]).not.toMatch(/npm|setup/)
  })

  it('grants each job what it needs', () => {
    const granted = Object.keys(jobs).map((name) => {
      const [, list = ''] = /^ {4}permissions:\n((?: {6}.*\n)+)/m.exec(job(name)) ?? []
      return [name, list.trim().split(/\n */)]
    })
    const assumesRole = ['contents: read', 'id-token: write']
    expect(Object.fromEntries(granted)).toEqual({
      assemble: ['actions: read', 'contents: read'],
      review: assumesRole,
      deploy: assumesRole,
    })
  })

  it('never cancels a deployment, and runs one at a time', () => {
    expect(text).toMatch(
      /^concurrency:\n {2}group: deploy-\$\{\{ inputs\.environment \}\}\n {2}cancel-in-progress: false\n/m,
    )
  })

  it('has a session that is longer than the job may take', () => {
    const [, minutes] = /timeout-minutes: (\d+)/.exec(job('deploy')) ?? []
    const [, seconds] = /role-duration-seconds: (\d+)/.exec(job('deploy')) ?? []
    expect(Number(seconds)).toBeGreaterThan(Number(minutes) * 60)
    const runbook = readFileSync(join(repositoryRoot, 'docs/runbook.md'), 'utf8')
    expect(Number(/--max-session-duration (\d+)/.exec(runbook)?.[1])).toBeGreaterThanOrEqual(Number(seconds))
  })

  it('creates a stack without protection, and protects it by the next run', () => {
    expect(job('assemble')).toMatch(/PROTECT: \$\{\{ !inputs\.first \}\}/)
    expect(readFileSync(join(repositoryRoot, '.ci/assemble'), 'utf8')).toContain('-c "protect=$PROTECT"')
  })

  it('stores no key', () => {
    expect(text).not.toMatch(/aws-(access-key-id|secret-access-key)/)
  })

  it('names the region and the environments of infra/lib/config.ts', () => {
    const [, region] = /AWS_REGION: (.*)/.exec(text) ?? []
    expect(new Set(Object.values(configs).map((config) => config.region))).toEqual(new Set([region]))
    expect(text).toContain(`options: [${Object.keys(configs).join(', ')}]`)
  })
})

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
  const { status, stdout, stderr } = spawnSync('bash', [script], { cwd: folder, env, encoding: 'utf8' })
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

  const summary = () => readFileSync(join(folder, 'summary.md'), 'utf8')

  it('shows the changes and the cost of a deployment', () => {
    const deployed = JSON.parse(JSON.stringify(createApp().app.synth().getStackByName(configs.dev.stackName).template))
    const [gateway] =
      Object.entries<{ Type: string }>(deployed.Resources).find(([, { Type }]) => Type.endsWith('NatGateway')) ?? []
    delete deployed.Resources[String(gateway)]
    writeFileSync(join(folder, 'deployed.json'), JSON.stringify(deployed))
    fake(
      'aws',
      `[ "$*" = "cloudformation get-template --stack-name ${configs.dev.stackName} --query TemplateBody --output json" ] && cat deployed.json`,
    )
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

  it('fails when the deployed template cannot be read', () => {
    fake('aws', 'echo "AccessDenied" >&2; exit 254')
    expect(run('.ci/review')).toMatchObject({ status: 1, output: expect.stringContaining('AccessDenied') })
  })
})

describe('.ci/deploy', () => {
  it('deploys the assembly as it is', () => {
    const script = readFileSync(join(repositoryRoot, '.ci/deploy'), 'utf8')
    expect(script).toMatch(/^tar -xf assembly\.tar\n[\s\S]*^cdk deploy --app cdk\.out --require-approval never$/m)
    expect(script).not.toMatch(/synth|npm/)
  })
})
