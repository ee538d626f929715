import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { useMachine } from './machine.ts'

const machine = useMachine()
const path = (file: string) => join(machine.checkout, file)
const calls = () => (existsSync(path('calls')) ? readFileSync(path('calls'), 'utf8').trim().split('\n') : [])

const missingLibrary = 'node: error while loading shared libraries: libatomic.so.1: cannot open shared object file'

/** npm installs a Node that runs this script. It does not run itself if node_modules has a Node that does not run. */
function setNode(script: string): void {
  machine.fake('installed-node', script)
  machine.fake(
    'npm',
    `if [ -e node_modules/.bin/node ]; then node_modules/.bin/node || exit; fi
     echo "npm $*" >>calls
     mkdir -p node_modules/.bin && cp bin/installed-node node_modules/.bin/node`,
  )
}

beforeEach(() => {
  machine.link('cp')
  writeFileSync(path('package-lock.json'), '{}\n')
  setNode('echo v26.0.0')
})

const install = () => machine.run(['scripts/setup.sh', 'dependencies'])

describe('scripts/setup.sh dependencies', () => {
  it('runs no script of a package, whatever the npm configuration of the user is', () => {
    expect(install().status).toBe(0)
    expect(calls()).toEqual([
      'npm ci --ignore-scripts --include=dev --include=optional --bin-links --no-audit --no-fund --no-engine-strict ' +
        '--no-dry-run --no-install-links --install-strategy=hoisted --workspaces --include-workspace-root',
    ])
  })

  it('links the Node of the platform where npm does not', () => {
    machine.link('ln')
    machine.fake(
      'npm',
      'mkdir -p node_modules/.bin node_modules/node-x/bin && cp bin/installed-node node_modules/node-x/bin/node',
    )
    expect(install().status).toBe(0)
    expect(readlinkSync(path('node_modules/.bin/node'))).toBe('../node-x/bin/node')
  })

  it('installs once', () => {
    install()
    expect(install()).toEqual({ status: 0, stdout: '', stderr: '' })
    expect(calls()).toHaveLength(1)
  })

  it.each([
    ['package-lock.json has changed', () => writeFileSync(path('package-lock.json'), '{"changed":true}\n')],
    ['the packages are those of another platform', () => machine.fake('uname', 'echo Darwin arm64')],
    ['Node is missing', () => rmSync(path('node_modules/.bin/node'))],
    [
      'Node does not run',
      () => writeFileSync(path('node_modules/.bin/node'), '#!/bin/sh\necho Exec format error >&2; exit 126\n'),
    ],
  ])('installs again when %s', (_, change) => {
    install()
    change()
    expect(install().status).toBe(0)
    expect(calls()).toHaveLength(2)
    expect(install().status).toBe(0)
    expect(calls()).toHaveLength(2)
  })

  it('names options that Node refuses, and keeps the packages', () => {
    setNode('[ -z "$NODE_OPTIONS" ] || { echo "node: $NODE_OPTIONS is not allowed in NODE_OPTIONS" >&2; exit 9; }')
    expect(install().status).toBe(0)
    const { status, stderr } = machine.run(['scripts/setup.sh', 'dependencies'], { NODE_OPTIONS: '--gone' })
    expect(status).toBe(1)
    expect(stderr).toContain('✗ Node.js does not run with NODE_OPTIONS=--gone: node: --gone is not allowed')
    expect(calls()).toHaveLength(1)
    expect(existsSync(path('node_modules/.installed'))).toBe(true)
  })

  it('fails when Node does not run after the installation, and tries again the next time', () => {
    setNode('echo cannot execute binary file >&2; exit 126')
    for (const count of [1, 2]) {
      const { status, stderr } = install()
      expect(status).toBe(1)
      expect(stderr).toContain('does not run on this machine')
      expect(stderr).toContain('cannot execute binary file')
      expect(calls()).toHaveLength(count)
    }
    expect(existsSync(path('node_modules/.installed'))).toBe(false)
  })
})

describe('ensure_dependencies without libatomic', () => {
  beforeEach(() => {
    setNode(`[ -e libatomic ] || { echo "${missingLibrary}" >&2; exit 127; }`)
    machine.fake('apt-get', 'echo "apt-get $*" >>calls; case "$*" in *install*) echo >libatomic ;; esac')
    machine.fake('dpkg', 'true')
  })
  const on = (distribution: string, user: string) =>
    machine.withFunctions(`distribution() { printf '${distribution}'; }; id() { echo ${user}; }; ensure_dependencies`)

  it.each(['debian', 'ubuntu'])('installs it on %s as root', (distribution) => {
    expect(on(distribution, '0')).toMatchObject({ status: 0 })
    expect(calls()).toContain('apt-get install -y --no-install-recommends libatomic1')
    expect(calls().filter((call) => call.startsWith('npm'))).toHaveLength(1)
  })

  it('installs it for packages that are there already, before npm runs', () => {
    mkdirSync(path('node_modules/.bin'), { recursive: true })
    writeFileSync(path('node_modules/.bin/node'), readFileSync(path('bin/installed-node')), { mode: 0o755 })
    expect(on('debian', '0')).toMatchObject({ status: 0 })
    expect(calls()[0]).toBe('apt-get update')
  })

  it.each([
    ['debian', '1000', 'sudo apt-get install libatomic1'],
    ['', '0', "Install this system's package libatomic."],
  ])('names it on %j for user %s', (distribution, user, advice) => {
    const { status, stderr } = on(distribution, user)
    expect(status).toBe(1)
    expect(stderr).toContain('The library libatomic is not installed; Node.js needs it.')
    expect(stderr).toContain(advice)
    expect(existsSync(path('node_modules/.installed'))).toBe(false)
  })
})
