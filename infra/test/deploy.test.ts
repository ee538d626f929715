import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'

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
      /^concurrency:\n {2}group: deploy-\$\{\{ inputs\.environment == 'paused' && 'lab' \|\| inputs\.environment \}\}\n {2}cancel-in-progress: false\n/m,
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

describe('.ci/deploy', () => {
  it('deploys the assembly as it is', () => {
    const script = readFileSync(join(repositoryRoot, '.ci/deploy'), 'utf8')
    expect(script).toMatch(/^tar -xf assembly\.tar\n[\s\S]*^cdk deploy --app cdk\.out --require-approval never$/m)
    expect(script).not.toMatch(/synth|npm/)
  })
})
