import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { git, repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'

const read = (file: string) => readFileSync(join(repositoryRoot, file), 'utf8')
const json = (file: string) => JSON.parse(read(file))
const workflows = readdirSync(join(repositoryRoot, '.github/workflows')).map((name) => `.github/workflows/${name}`)

describe.each(workflows)('%s', (file) => {
  const text = read(file)

  it('pins every action to a commit and names its version', () => {
    const uses = [...text.matchAll(/uses: (.*)$/gm)].map(([, action]) => action)
    expect(uses.length).toBeGreaterThan(1)
    for (const action of uses) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  })

  it('grants at most read access by default, and leaves no token in the checkout', () => {
    expect(text).toMatch(/^permissions:( \{\}|\n {2}contents: read)\n\n/m)
    expect(text).not.toMatch(/write-all|pull_request_target|secrets\./)
    expect(text.match(/actions\/checkout@/g)).toHaveLength(text.match(/persist-credentials: false/g)?.length ?? 0)
  })

  it('calls only existing scripts', () => {
    const { scripts } = json('package.json')
    const commands = [...text.matchAll(/- run: (.*)$/gm)].map(([, command = '']) => command)
    expect(commands.length).toBeGreaterThan(0)
    for (const command of commands) {
      const [, script] = /^npm run (\w+)/.exec(command) ?? []
      const [, path] = /^bash (\S+)( \w+)*$/.exec(command) ?? []
      if (script) expect(Object.keys(scripts)).toContain(script)
      else expect(existsSync(join(repositoryRoot, String(path))), command).toBe(true)
    }
  })
})

describe('.github/workflows/ci.yml', () => {
  it('runs the gate on both architectures with the official images', () => {
    const text = read('.github/workflows/ci.yml')
    expect(text).toContain('run: bash .ci/run')
    for (const runner of ['ubuntu-24.04 }', 'ubuntu-24.04-arm }']) expect(text).toContain(`runner: ${runner}`)
    expect(text).not.toMatch(/_IMAGE/)
    expect(text).toContain('            test-results/*.json\n')
  })

  it('compares each pull request with its base, which is in the history that it fetches', () => {
    const [, job = ''] = read('.github/workflows/ci.yml').split(/^ {2}compatibility:$/m)
    expect(job).toContain("if: github.event_name == 'pull_request'\n")
    expect(job).toContain('fetch-depth: 0\n')
    expect(job).toMatch(
      /- run: npm run compatibility -- "\$BASE"\n {8}env:\n {10}BASE: .* github\.event\.pull_request\.base\.sha /,
    )
  })
})

describe('.github/workflows/nightly.yml', () => {
  it('runs the slow tests every night, after what they need is installed', () => {
    const text = read('.github/workflows/nightly.yml')
    expect(text).toMatch(/^ {4}- cron: '\d+ \d+ \* \* \*'$/m)
    expect(text).toMatch(
      /- run: bash scripts\/setup\.sh\n +- run: npm run test:slow -- packages test\/busybox test\/guide test\/upgrade\n/,
    )
  })
})

describe('renovate.json', () => {
  const { packageRules, customManagers } = json('renovate.json') as {
    packageRules: Record<string, unknown>[]
    customManagers: { managerFilePatterns: string[]; matchStrings: string[] }[]
  }

  it('excludes aws-cdk 3.0.0, an old build', () => {
    expect(packageRules.find(({ matchPackageNames }) => String(matchPackageNames) === 'aws-cdk')).toMatchObject({
      allowedVersions: '<3.0.0',
      automerge: false,
    })
    expect(json('package.json').devDependencies['aws-cdk']).toMatch(/^2\./)
  })

  it('merges automatically only minor releases of development dependencies', () => {
    const automatic = packageRules.filter(({ automerge }) => automerge)
    expect(automatic).toMatchObject([{ matchDepTypes: ['devDependencies'], matchUpdateTypes: ['minor', 'patch'] }])
  })

  it('finds the official images in every file that names them', () => {
    const [manager] = customManagers
    const pattern = new RegExp(String(manager?.matchStrings[0]), 'g')
    for (const file of [
      'compose.yaml',
      '.env.example',
      'scripts/setup/images.sh',
      'packages/compose/src/checkout.ts',
    ]) {
      expect(manager?.managerFilePatterns.some((form) => new RegExp(form.slice(1, -1)).test(file))).toBe(true)
      const found = [...read(file).matchAll(pattern)].map(({ groups }) => groups?.depName)
      expect(new Set(found), file).toEqual(new Set(['debian', 'node', 'mysql']))
    }
  })
})

describe('.devcontainer/devcontainer.json', () => {
  it('runs the set-up and forwards the published ports', () => {
    const { postCreateCommand, forwardPorts, features } = json('.devcontainer/devcontainer.json')
    expect(postCreateCommand).toBe('sh scripts/setup.sh')
    expect(forwardPorts).toEqual([8080, 9229])
    expect(Object.keys(features)).toContainEqual(expect.stringContaining('/docker-in-docker:'))
  })
})

describe('.vscode/launch.json', () => {
  const [attach] = json('.vscode/launch.json').configurations

  it("attaches to the port of npm run dev's debugger", () => {
    expect(attach).toMatchObject({ type: 'node', request: 'attach', address: 'localhost' })
    expect(read('compose.dev.yaml')).toContain(`'127.0.0.1:\${DEBUG_PORT:-${attach.port}}:${attach.port}'`)
  })

  it('maps every mounted source folder to its path in the container', () => {
    const mounts = [...read('compose.dev.yaml').matchAll(/^ *- \.(\/.*):(\/.*):ro,z$/gm)]
    expect(mounts.length).toBeGreaterThan(0)
    expect(attach.localRoot).toMatch(/^\$\{workspaceFolder\}$/)
    for (const [, local, remote] of mounts) expect(`${attach.remoteRoot}${local}`).toBe(remote)
  })
})

describe('.gitattributes', () => {
  it('gives every text file LF, and none to binary files', () => {
    const files = git('ls-files', '--eol')
    for (const line of files.trimEnd().split('\n')) {
      expect(line).toMatch(line.endsWith('.png') ? / attr\/-text *\t/ : / attr\/text=auto eol=lf *\t/)
      expect(line).not.toMatch(/^i\/(crlf|mixed)/)
    }
  })
})

describe('.editorconfig', () => {
  it('has the settings of biome.json', () => {
    const { formatter } = json('biome.json')
    const settings = Object.fromEntries(
      [...read('.editorconfig').matchAll(/^(\w+) = (.*)$/gm)].map(([, name, value]) => [name, value]),
    )
    expect(settings).toMatchObject({
      indent_style: formatter.indentStyle,
      indent_size: String(formatter.indentWidth),
      max_line_length: String(formatter.lineWidth),
    })
  })
})
