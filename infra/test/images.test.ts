import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { git, repositoryRoot } from '@repo/compose'
import { App, Stack } from 'aws-cdk-lib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Config, configs, type Pins } from '../lib/config.ts'
import { tierImage } from '../lib/instance-group.ts'
import { synthesize } from './synthesis.ts'

const folder = mkdtempSync(join(tmpdir(), 'images-'))
const checkout = join(folder, 'checkout')
afterAll(() => rmSync(folder, { recursive: true }))

let before: { readonly web: string; readonly app: string }

beforeAll(() => {
  const files = git('ls-files', 'apps', 'packages', 'docker/', 'package*.json', '.npmrc', '.dockerignore')
  for (const file of files.trimEnd().split('\n')) cpSync(join(repositoryRoot, file), join(checkout, file))
  before = { web: hashOf('web'), app: hashOf('app') }
})

const excludes = { web: ['apps/app', 'packages'], app: ['apps/web', 'packages/bench'] }

/** The hash that decides whether a deployment replaces the instances of a tier. */
function hashOf(tier: 'web' | 'app', config: Config = configs.dev): string {
  const stack = new Stack(new App({ outdir: mkdtempSync(join(folder, 'out-')) }), 'Stack')
  return tierImage(stack, { config, tier, directory: checkout, buildContextExcludes: excludes[tier] }).assetHash
}

/** Whether the checkout as it is replaces the instances of each tier. */
const replaces = () => ({ web: hashOf('web') !== before.web, app: hashOf('app') !== before.app })

/** What `replaces` says after a change of a file, which is undone. */
function replacesAfter(file: string, change: (path: string) => void) {
  const path = join(checkout, file)
  const [text, mode] = [readFileSync(path), statSync(path).mode]
  change(path)
  const result = replaces()
  writeFileSync(path, text)
  chmodSync(path, mode)
  return result
}

const write = (path: string) => appendFileSync(path, 'changed\n')

function addFile(file: string): void {
  mkdirSync(dirname(join(checkout, file)), { recursive: true })
  writeFileSync(join(checkout, file), 'new')
}

describe('the instances', () => {
  it.each([
    ['apps/app/src/main.ts', { web: false, app: true }],
    ['packages/db/src/index.ts', { web: false, app: true }],
    ['apps/web/page/main.ts', { web: true, app: false }],
    ['apps/web/httpd.conf', { web: true, app: false }],
    ['package-lock.json', { web: true, app: true }],
    ['docker/healthcheck.sh', { web: true, app: true }],
  ])('of the tier that contains it are replaced for a change of %s', (file, tiers) => {
    expect(replacesAfter(file, write)).toEqual(tiers)
  })

  it('are not replaced for files of the documents and the tests', () => {
    for (const file of ['docs/new.txt', 'apps/app/src/new.test.ts']) addFile(file)
    expect(replaces()).toEqual({ web: false, app: false })
  })

  it('are not replaced for files of the benchmark', () => {
    for (const file of ['packages/bench/load/new.ts', 'packages/bench/baselines/new.ts']) addFile(file)
    expect(replacesAfter('packages/bench/package.json', write)).toEqual({ web: false, app: false })
  })

  it('are not replaced for what editors and file managers leave', () => {
    const left = [
      '.DS_Store',
      '._main.ts',
      'Thumbs.db',
      '.main.ts.swp',
      'main.ts~',
      '.#main.ts',
      '#main.ts#',
      'main.ts.orig',
      '.idea/x.xml',
      '.vscode/x.json',
    ]
    for (const folder of ['apps/app/src', 'apps/web/page', 'packages/db/src', 'packages/db/migrations'])
      for (const name of left) addFile(`${folder}/${name}`)
    expect(replaces()).toEqual({ web: false, app: false })
  })

  it('are not replaced for the modes of a checkout', () => {
    const modes = (path: string) => chmodSync(path, 0o777)
    expect(replacesAfter('apps/app/src/main.ts', modes)).toEqual({ web: false, app: false })
    expect(replacesAfter('apps/web/httpd.conf', modes)).toEqual({ web: false, app: false })
  })

  it('are not replaced for the line ends of a checkout, which Git writes as LF everywhere', () => {
    const files = ['apps/app/src/main.ts', 'apps/web/httpd.conf', 'packages/db/migrations/new.sql']
    const attributes = git('check-attr', 'eol', ...files)
      .trimEnd()
      .split('\n')
    for (const line of attributes) expect(line).toMatch(/: eol: lf$/)
  })
})

describe('the pins', () => {
  const pins: Pins = {
    images: { ...configs.dev.pins.images, DEBIAN_IMAGE: `debian:trixie-slim@sha256:${'0'.repeat(64)}` },
    machineImages: { arm64: 'ami-0123456789abcdef0' },
  }

  it('replace the instances of both tiers when a base image moves', () => {
    const config = { ...configs.dev, pins }
    for (const tier of ['web', 'app'] as const) expect(hashOf(tier, config)).not.toBe(hashOf(tier))
    const launchTemplates = (each: Config) =>
      synthesize({ config: { ...each, pins: { ...each.pins, machineImages: {} } } })
        .all('AWS::EC2::LaunchTemplate')
        .map(({ Properties }) => JSON.stringify(Properties.LaunchTemplateData.UserData))
    const before = launchTemplates(configs.dev)
    for (const [index, after] of launchTemplates(config).entries()) expect(after).not.toBe(before[index])
  })

  it("hold lab's NAT instance, whatever Amazon Linux is the newest", () => {
    const lab = synthesize({ config: { ...configs.lab, pins } })
    const [nat] = lab.all('AWS::EC2::Instance')
    expect(nat?.Properties.ImageId).toBe(pins.machineImages.arm64)
  })

  it('name every base image of the Dockerfiles', () => {
    for (const tier of ['web', 'app']) {
      const text = readFileSync(join(repositoryRoot, `docker/${tier}/Dockerfile`), 'utf8')
      const images = Object.fromEntries(
        [...text.matchAll(/^ARG (\w+_IMAGE)=(\S+)$/gm)].map(([, name, image]) => [name, image]),
      )
      const pinned = Object.entries(configs.dev.pins.images).map(([name, image]) => [name, image.replace(/@.*/, '')])
      expect(images).toEqual(Object.fromEntries(pinned))
    }
  })

  it('keep the instances on one version of Amazon Linux', () => {
    const stack = synthesize({ config: { ...configs.dev, pins } })
    for (const { Properties } of stack.all('AWS::EC2::LaunchTemplate')) {
      expect(Properties.LaunchTemplateData.ImageId).toBe('ami-0123456789abcdef0')
    }
  })

  it('of the images are moved by Renovate, with and without a digest', () => {
    const { customManagers, packageRules } = JSON.parse(readFileSync(join(repositoryRoot, 'renovate.json'), 'utf8'))
    const manager = customManagers.find((each: { managerFilePatterns: string[] }) =>
      each.managerFilePatterns.some((form) => new RegExp(form.slice(1, -1)).test('infra/pins.json')),
    )
    const found = (text: string) =>
      [...text.matchAll(new RegExp(manager?.matchStrings[0], 'g'))].map(({ groups }) => ({ ...groups }))
    expect(found(readFileSync(join(repositoryRoot, 'infra/pins.json'), 'utf8')).map(({ depName }) => depName)).toEqual([
      'debian',
      'node',
    ])
    expect(found(JSON.stringify(pins.images))[0]).toEqual({
      depName: 'debian',
      currentValue: 'trixie-slim',
      currentDigest: `sha256:${'0'.repeat(64)}`,
    })
    // Without a template Renovate only moves a digest that is there: https://github.com/renovatebot/renovate/issues/10993
    const update: Record<string, string> = {
      depName: 'debian',
      newValue: 'trixie-slim',
      newDigest: `sha256:${'0'.repeat(64)}`,
    }
    const replacement = manager?.autoReplaceStringTemplate?.replaceAll(
      /\{\{\{(\w+)\}\}\}/g,
      (_: string, name: string) => update[name],
    )
    expect(replacement).toBe(JSON.stringify(pins.images.DEBIAN_IMAGE))
    expect(packageRules).toContainEqual(
      expect.objectContaining({ matchFileNames: ['infra/pins.json'], pinDigests: true }),
    )
  })

  it('of Amazon Linux are moved by .ci/pin', () => {
    const path = join(folder, 'infra/pins.json')
    mkdirSync(join(folder, 'infra'))
    mkdirSync(join(folder, 'bin'))
    writeFileSync(path, JSON.stringify(pins))
    const script = '[ "$1 $2" = "ssm get-parameter" ] && echo "ami-$(sed "s/.*-//" <<<"$4")"'
    writeFileSync(join(folder, 'bin/aws'), `#!/bin/bash\n${script}\n`, { mode: 0o755 })
    const env = { PATH: `${folder}/bin:${process.env.PATH}` }
    const pin = spawnSync('bash', ['--norc', join(repositoryRoot, '.ci/pin')], { cwd: folder, env, encoding: 'utf8' })
    expect(pin).toMatchObject({ status: 0, stderr: '' })
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      ...pins,
      machineImages: { arm64: 'ami-arm64', x86_64: 'ami-x86_64' },
    })
  })

  it('come from the parameter that an unpinned deployment reads', () => {
    const parameters = JSON.stringify(
      synthesize({ config: { ...configs.dev, pins: { ...pins, machineImages: {} } } }).template.Parameters,
    )
    const [, name] = /(\/aws\/service\/ami-amazon-linux-latest\/[\w.-]+)-arm64/.exec(parameters) ?? []
    expect(readFileSync(join(repositoryRoot, '.ci/pin'), 'utf8')).toContain(`name=${name}-$architecture`)
  })

  it('are proposed on a branch of their own, and only when they have changed', () => {
    const work = join(folder, 'proposal')
    const remote = join(folder, 'remote')
    const calls = join(folder, 'calls')
    mkdirSync(join(work, 'infra'), { recursive: true })
    writeFileSync(join(work, 'infra/pins.json'), '{}')
    writeFileSync(join(folder, 'bin/gh'), `#!/bin/bash\necho "$*" >>${calls}\n`, { mode: 0o755 })
    const env = {
      PATH: `${folder}/bin:${process.env.PATH}`,
      HOME: folder,
      GH_TOKEN: 'token',
      GH_REPO: 'owner/name',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: `url.${remote}.insteadOf`,
      GIT_CONFIG_VALUE_0: 'https://x-access-token:token@github.com/owner/name',
    }
    const run = (program: string, ...args: readonly string[]) => {
      const { status, stdout, stderr } = spawnSync(program, args, { cwd: work, env, encoding: 'utf8' })
      expect(status, stderr).toBe(0)
      return stdout
    }
    run('git', 'init', '--quiet', '--initial-branch', 'main')
    run('git', 'init', '--quiet', '--bare', remote)
    run('git', 'add', '--all')
    run('git', '-c', 'user.name=test', '-c', 'user.email=test@example.org', 'commit', '--quiet', '--message', 'x')
    run('git', 'push', '--quiet', remote, 'main')
    const branches = () => run('git', '-C', remote, 'branch', '--format', '%(refname:short)').trim().split('\n')

    run('bash', '--norc', join(repositoryRoot, '.ci/propose-pins'))
    expect(branches()).toEqual(['main'])
    writeFileSync(join(work, 'infra/pins.json'), '{"changed": true}')
    const main = run('git', '-C', remote, 'rev-parse', 'main')
    run('bash', '--norc', join(repositoryRoot, '.ci/propose-pins'))
    expect(branches()).toEqual(['main', expect.stringMatching(/^pins-\d{4}-\d\d-\d\d$/)])
    expect(run('git', '-C', remote, 'rev-parse', 'main')).toBe(main)
    expect(readFileSync(calls, 'utf8')).toBe(`pr create --head ${branches()[1]} --fill\n`)
  })

  it('are proposed every week', () => {
    const text = readFileSync(join(repositoryRoot, '.github/workflows/pin.yml'), 'utf8')
    expect(text).toMatch(/^ {2}schedule:\n {4}- cron: '0 4 \* \* 1'$/m)
    expect(text).toMatch(/run: bash \.ci\/pin\n {6}- run: bash \.ci\/propose-pins$/m)
    for (const { region } of Object.values(configs)) expect(text).toContain(`AWS_REGION: ${region}\n`)
    const [, rights = ''] = /^ {4}permissions:\n((?: {6}.*\n)+)/m.exec(text) ?? []
    expect(rights.trim().split(/\n */)).toEqual(['contents: write', 'id-token: write', 'pull-requests: write'])
  })
})
