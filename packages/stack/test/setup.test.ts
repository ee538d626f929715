import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { repositoryRoot } from '../src/index.ts'

let checkout: string
let tools: string

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'three-tier-setup-'))
  cpSync(join(repositoryRoot, 'docker'), join(checkout, 'docker'), { recursive: true })
  // A machine with the least: no package manager, no Docker.
  tools = join(checkout, 'bin')
  mkdirSync(tools)
  for (const tool of [
    'bash',
    'cat',
    'cmp',
    'dirname',
    'grep',
    'head',
    'id',
    'mkdir',
    'rm',
    'sed',
    'tail',
    'tr',
    'uname',
  ]) {
    const found = spawnSync('bash', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim()
    symlinkSync(found, join(tools, tool))
  }
})

afterEach(() => rmSync(checkout, { recursive: true }))

/** Runs a script of the checkout on the poor machine. */
function run(args: string[], environment: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(join(tools, 'bash'), args, {
    cwd: checkout,
    env: { PATH: tools, ...environment },
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

/** Runs shell commands with the set-up's functions at hand. */
const withFunctions = (commands: string, environment?: Record<string, string>) =>
  run(
    [
      '-euc',
      `SETUP_STATE=.setup; for part in step debian engine images dependencies; do . docker/setup/$part.sh; done; ${commands}`,
    ],
    environment,
  )

describe('docker/setup.sh', () => {
  it('on a machine without Docker and apt: names what is missing and how to get it, exit 1, nothing changed', () => {
    const before = readdirSync(checkout)
    const { status, stderr } = run(['docker/setup.sh'])
    expect(status).toBe(1)
    expect(stderr).toContain('Not on this machine: docker, dockerd, compose, buildx.')
    expect(stderr).toContain('https://docs.docker.com/engine/install/')
    expect(stderr).toContain('Nothing was changed.')
    expect(readdirSync(checkout)).toEqual(before)
  })

  it('fails for a part that it does not have', () => {
    const { status, stderr } = run(['docker/setup.sh', 'engines'])
    expect(status).toBe(1)
    expect(stderr).toContain("'engines' is no part of the set-up.")
  })

  it('without npm: says so', () => {
    const { status, stderr } = run(['docker/setup.sh', 'dependencies'])
    expect(status).toBe(1)
    expect(stderr).toContain('npm is not on this machine.')
  })
})

describe('a step', () => {
  it('that fails names itself, its command, the end of its output and what to do', () => {
    const { status, stdout, stderr } = withFunctions(
      "work() { echo first; echo 'no such mirror'; false; echo never; }; step 'Doing it' 'Try another mirror.' work; echo on",
    )
    expect(status).toBe(1)
    expect(stdout).toMatch(/^▸ Doing it … failed after \d+ s\n$/)
    expect(stderr).toContain('✗ Doing it\n  command: work (exit 1)')
    expect(stderr).toContain('    no such mirror')
    expect(stderr).not.toContain('never')
    expect(stderr).toContain('Try another mirror.')
  })

  it('that works says how long it took', () => {
    expect(withFunctions("step 'Doing it' '' true; echo on").stdout).toMatch(/^▸ Doing it … \d+ s\non\n$/)
  })
})

describe('the choice of base images', () => {
  const env = () => join(checkout, '.env')

  it('prefers the environment to .env, and the last line there', () => {
    writeFileSync(env(), 'MYSQL_IMAGE=mine:1\nMYSQL_IMAGE="mine:2"\n')
    expect(withFunctions('chosen_image MYSQL_IMAGE').stdout.trim()).toBe('mine:2')
    expect(withFunctions('chosen_image MYSQL_IMAGE', { MYSQL_IMAGE: 'mine:3' }).stdout).toBe('mine:3')
    expect(withFunctions('chosen_image NODE_IMAGE').stdout).toBe('')
  })

  it("adds to the user's .env and changes nothing there", () => {
    const users = 'WEB_PORT=9999\nMYSQL_IMAGE=mine:1'
    writeFileSync(env(), users)
    withFunctions('remember_image NODE_IMAGE three-tier/node:26')
    const lines = readFileSync(env(), 'utf8').split('\n')
    expect(lines.slice(0, 2).join('\n')).toBe(users)
    expect(lines).toContain('NODE_IMAGE=three-tier/node:26')
  })

  it('makes .env where there is none', () => {
    expect(existsSync(env())).toBe(false)
    withFunctions('remember_image NODE_IMAGE three-tier/node:26')
    expect(readFileSync(env(), 'utf8')).toMatch(/^# .*\nNODE_IMAGE=three-tier\/node:26\n$/)
  })
})

describe("the machine's own Debian mirror", () => {
  it('can be set', () => {
    expect(withFunctions('debian_mirror main', { DEBIAN_MIRROR: 'http://mirror.invalid/debian' }).stdout).toBe(
      'http://mirror.invalid/debian',
    )
  })
})

describe('the age of the engine', () => {
  it.each([
    ['25.0.0', 25, 0, true],
    ['26.1.5+dfsg1', 25, 0, true],
    ['v2.26.1-4', 2, 20, true],
    ['2.9.0', 2, 20, false],
    ['24.0.9', 25, 0, false],
  ])('version %s is at least %i.%i: %s', (version, major, minor, enough) => {
    expect(withFunctions(`at_least ${version} ${major} ${minor}`).status === 0).toBe(enough)
  })
})
