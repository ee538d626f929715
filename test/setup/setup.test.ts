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
import { repositoryRoot } from '@repo/compose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

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
      `for part in step settings debian engine images dependencies; do . scripts/setup/$part.sh; done; ${commands}`,
    ],
    environment,
  )

describe('scripts/setup.sh', () => {
  it('on a machine without Docker and apt: names what is missing and how to get it, exit 1, nothing changed', () => {
    const before = readdirSync(checkout)
    const { status, stderr } = run(['scripts/setup.sh'])
    expect(status).toBe(1)
    expect(stderr).toContain('Not on this machine: docker, dockerd, compose, buildx.')
    expect(stderr).toContain('https://docs.docker.com/engine/install/')
    expect(stderr).toContain('Nothing was changed.')
    expect(readdirSync(checkout)).toEqual(before)
  })

  it('fails for a part that it does not have', () => {
    const { status, stderr } = run(['scripts/setup.sh', 'engines'])
    expect(status).toBe(1)
    expect(stderr).toContain("'engines' is no part of the set-up.")
  })

  it('without npm: says so', () => {
    const { status, stderr } = run(['scripts/setup.sh', 'dependencies'])
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

describe('a step that fails for a usual cause', () => {
  // The ends of real outputs.
  it.each([
    ['npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write', 'The disk is full.'],
    [
      'failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF',
      'engine went away',
    ],
    [
      'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
      'engine went',
    ],
    ['Bind for 0.0.0.0:8080 failed: port is already allocated', 'WEB_PORT=8081 npm start'],
    ["Temporary failure resolving 'mirror.invalid'", 'A server could not be reached'],
    ['npm error code ECONNREFUSED', 'A server could not be reached'],
    ['E: Failed getting release file http://mirror.invalid/dists/trixie/Release', 'A server could not be reached'],
    ['npm error code SELF_SIGNED_CERT_IN_CHAIN', 'NODE_EXTRA_CA_CERTS'],
  ])('says what to do about: %s', (line, advice) => {
    const { status, stderr } = withFunctions('work() { echo "$LINE"; false; }; step Doing Other. work', { LINE: line })
    expect(status).toBe(1)
    expect(stderr).toContain(advice)
    expect(stderr.trimEnd()).toMatch(/\n {2}Other\.$/)
  })

  it('says nothing more about another', () => {
    const { stderr } = withFunctions('work() { echo odd; false; }; step Doing Other. work')
    expect(stderr).toMatch(/\n {4}odd\n\n {2}Other\.\n$/)
  })
})

describe('the settings', () => {
  it('are all named when they are wrong, before anything is done', () => {
    writeFileSync(join(checkout, '.env'), 'WEB_PORT=80a\nLOG_LEVEL=loud\nMYSQL_IMAGE="a b"\n')
    const { status, stdout, stderr } = run(['scripts/setup.sh'], { NODE_EXTRA_CA_CERTS: '/nowhere.pem' })
    expect(status).toBe(1)
    expect(stdout).toBe('')
    for (const [name, value] of [
      ['WEB_PORT', '80a'],
      ['LOG_LEVEL', 'loud'],
      ['MYSQL_IMAGE', 'a b'],
      ['NODE_EXTRA_CA_CERTS', '/nowhere.pem'],
    ]) {
      expect(stderr).toMatch(new RegExp(`  ${name}: expected .*, got '${value}'\n`))
    }
  })

  it.each(['0', '65536', '123456', '-1'])('refuse the port %s', (port) => {
    expect(withFunctions('check_settings', { WEB_PORT: port }).stderr).toContain(`got '${port}'`)
  })

  it('that are right or unset pass', () => {
    const right = { WEB_PORT: '65535', LOG_LEVEL: 'warn', NODE_IMAGE: 'registry.invalid:5000/node@sha256:ab' }
    expect(withFunctions('check_settings', right).status).toBe(0)
    expect(withFunctions('check_settings').status).toBe(0)
  })
})

describe('the choice of base images', () => {
  const env = () => join(checkout, '.env')

  it('prefers the environment to .env, and the last line there', () => {
    writeFileSync(env(), 'MYSQL_IMAGE=mine:1\nMYSQL_IMAGE="mine:2"\n')
    expect(withFunctions('setting MYSQL_IMAGE').stdout.trim()).toBe('mine:2')
    expect(withFunctions('setting MYSQL_IMAGE', { MYSQL_IMAGE: 'mine:3' }).stdout).toBe('mine:3')
    expect(withFunctions('setting NODE_IMAGE').stdout).toBe('')
  })

  it('reads .env as Compose does: in quotes, or until a comment', () => {
    writeFileSync(env(), "NODE_IMAGE='mine#1' # quoted\nMYSQL_IMAGE=mine#2  # plain\nDEBIAN_IMAGE=# nothing\n")
    expect(withFunctions('setting NODE_IMAGE').stdout.trim()).toBe('mine#1')
    expect(withFunctions('setting MYSQL_IMAGE').stdout.trim()).toBe('mine#2')
    expect(withFunctions('setting DEBIAN_IMAGE').stdout.trim()).toBe('')
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

/** A program of the poor machine that does what a shell script says. */
function fake(name: string, script: string) {
  writeFileSync(join(tools, name), `#!${join(tools, 'bash')}\n${script}\n`, { mode: 0o755 })
}

describe('the disk', () => {
  const machine = (freeKilobytes: number) => {
    fake('docker', `echo ${checkout}`)
    fake(
      'df',
      `printf 'Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/x 99 9 ${freeKilobytes} 9%% /\\n'`,
    )
  }

  it('with too little space left is named before it is filled', () => {
    machine(1_048_575)
    const { status, stderr } = withFunctions('need_space 1')
    expect(status).toBe(1)
    expect(stderr).toContain(`Only 1023 MB are left on the disk of ${checkout}; 1 GB are needed.`)
    expect(stderr).toContain('docker system df')
  })

  it('with enough passes', () => {
    machine(1_048_576)
    expect(withFunctions('need_space 1').status).toBe(0)
  })
})

describe('a machine that is too old', () => {
  it.each(['v16.20.2', 'v18.20.8'])('in its Node, %s, is told first', (version) => {
    fake('node', `echo ${version}`)
    const { status, stdout, stderr } = run(['scripts/setup.sh'])
    expect(status).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain(`Node.js ${version} is too old; 20 or newer is needed.`)
    expect(stderr).toContain('https://nodejs.org/')
  })

  it.each([
    ['24.0.9', '2.30.0', 'Docker engine 24.0.9 is too old; 25.0 or newer is needed.'],
    ['27.1.0', '2.19.1', 'Docker Compose 2.19.1 is too old; 2.20 or newer is needed.'],
  ])('in its engine %s or Compose %s is told', (engine, compose, message) => {
    fake('docker', `case $1 in version) echo ${engine} ;; compose) echo ${compose} ;; esac`)
    const { status, stderr } = run(['scripts/setup.sh', 'engine'])
    expect(status).toBe(1)
    expect(stderr).toContain(message)
    expect(stderr).toContain('https://docs.docker.com/engine/install/')
  })
})

describe('scripts/start.sh', () => {
  it('names what has the port, and how to take another', () => {
    fake('docker', 'case $1 in ps) echo the container theirs ;; esac')
    // Bash's own /dev/tcp meets the port of this very test.
    const server = spawnSync(
      process.execPath,
      [
        '-e',
        `const { spawn } = require('node:child_process')
       const server = require('node:net').createServer().listen(0, '127.0.0.1', () => {
         const env = { PATH: process.argv[2], WEB_PORT: String(server.address().port) }
         spawn(process.argv[1], ['scripts/start.sh'], { env, stdio: 'inherit' }).on('exit', (code) => process.exit(code))
       })`,
        join(tools, 'bash'),
        tools,
      ],
      { cwd: checkout, encoding: 'utf8' },
    )
    expect(server.status).toBe(1)
    expect(server.stderr).toMatch(/Port \d+ is taken by the container theirs\./)
    expect(server.stderr).toContain('WEB_PORT=8081 npm start')
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
