import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { beforeEach, describe, expect, it } from 'vitest'
import { useMachine } from './machine.ts'

const machine = useMachine()

/**
 * Docker with $WEB, $APP and $READER containers of these services. With $BUILD_ERROR it builds nothing; with $NO_IMAGE
 * there is no image either.
 */
beforeEach(() => {
  for (const name of ['sort', 'wc']) machine.link(name)
  // What is waited for has ended.
  machine.fake('sleep', ':')
  machine.fake(
    'docker',
    `containers() { for ((i = 0; i < \${1:-0}; i++)); do echo "id$i"; done; }
     case "$*" in
       'compose config') echo 'name: app' ;;
       'compose config --images') echo app-web ;;
       'image inspect '*) [ -z "\${NO_IMAGE:-}" ] ;;
       'context show') echo desktop-linux ;;
       'compose build')
         echo "\${DOCKER_BUILDKIT:-} \${BUILDX_BUILDER:-}" >builder
         [ -z "\${BUILD_ERROR:-}" ] || { echo "$BUILD_ERROR" >&2; exit 1; } ;;
       'compose ps --all --quiet web') containers "\${WEB:-}" ;;
       'compose ps --all --quiet app') containers "\${APP:-}" ;;
       'compose ps --all --quiet db-reader') containers "\${READER:-}" ;;
       'compose exec '*) exit 1 ;;
       'compose up '*) echo "$*, \${COMPOSE_FILE:-compose.yaml}, \${PULL_POLICY:-build}" >>calls ;;
     esac`,
  )
})

function start(options: readonly string[] = [], environment: Record<string, string> = {}) {
  // Not the port of a topology that runs on this machine.
  const result = machine.run(['scripts/start.sh', ...options], { WEB_PORT: '9', ...environment })
  return { ...result, up: () => readFileSync(join(machine.checkout, 'calls'), 'utf8').trim() }
}

const running = { WEB: '2', APP: '2', READER: '1' }

describe('scripts/start.sh', () => {
  it('builds the images and starts the topology', () => {
    const { status, stderr, stdout, up } = start()
    expect([status, stderr]).toEqual([0, ''])
    expect(up()).toBe('compose up --wait, compose.yaml, missing')
    expect(stdout).toContain('db-writer, db-reader')
  })

  it.each([
    [{ APP: '4' }, '--scale web=2 --scale app=4'],
    [{ WEB: '1' }, '--scale web=1 --scale app=2'],
    [{ APP: '4', APP_COUNT: '3' }, '--scale web=2'],
    [{ APP: '4', WEB_COUNT: '3', APP_COUNT: '3' }, ''],
    // What runs is a light topology.
    [{ WEB: '1', APP: '1', READER: '0' }, ''],
  ] as Record<string, string>[][])('keeps the number of instances: %j', (environment, options) => {
    const { up } = start([], { ...running, ...environment })
    expect(up()).toBe(`compose up --wait${options ? ` ${options}` : ''}, compose.yaml, missing`)
  })

  it('keeps the number of instances unless .env has one', () => {
    writeFileSync(join(machine.checkout, '.env'), 'APP_COUNT=3\n')
    expect(start([], { ...running, APP: '4' }).up()).toBe('compose up --wait --scale web=2, compose.yaml, missing')
  })

  it.each([
    [undefined, 'compose.yaml'],
    ['compose.yaml:mine.yaml', 'compose.yaml:mine.yaml'],
  ])('starts one instance of each tier with --light, beside COMPOSE_FILE=%s', (given, files) => {
    const { stdout, up } = start(['--light'], { ...running, ...(given && { COMPOSE_FILE: given }) })
    expect(up()).toBe(`compose up --wait, ${files}:compose.light.yaml, missing`)
    expect(stdout).toContain('acknowledged writes are on one machine')
  })

  it.each([
    ['compose.override.yaml'],
    ['compose.override.yml'],
    ['docker-compose.override.yaml'],
    ['compose.override.yml', 'compose.override.yaml'],
  ])('merges %s, which Compose reads, with --light too', (...files) => {
    for (const file of files) writeFileSync(join(machine.checkout, file), '')
    expect(start(['--light']).up()).toContain(`compose.yaml:${files[0]}:compose.light.yaml`)
  })

  it.each([
    [':', {}],
    [',', { COMPOSE_PATH_SEPARATOR: ',' }],
  ])('separates the files of --light by %s', (separator, environment) => {
    expect(start(['--light'], environment).up()).toContain(`compose.yaml${separator}compose.light.yaml`)
  })

  it('prints no name that leads to another program, which listens on ::1 alone', async () => {
    const server = createServer().listen(0, '::1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { status, stdout } = await machine.runBeside(['scripts/start.sh'], { WEB_PORT: String(port) })
    server.close()
    expect(status).toBe(0)
    expect(stdout).toContain(`http://127.0.0.1:${port}/ui/`)
  })

  it.each([
    { POSIXLY_CORRECT: '1' },
    { BASH_ENV: 'settings-of-a-user' },
    { SHELLOPTS: 'noclobber' },
    { BASHOPTS: 'nullglob:failglob' },
    { GREP_OPTIONS: '--color=always --line-number' },
    { CDPATH: '/' },
    { TZ: 'Nowhere/Odd' },
  ])('starts whatever the settings of the shell are: %j', (environment) => {
    const file = join(machine.checkout, 'settings-of-a-user')
    writeFileSync(file, 'set -o noclobber; shopt -s failglob nocasematch; cd() { echo moved; builtin cd "$@"; }\n')
    for (const _ of ['first', 'second']) {
      expect(start([], { ...environment })).toMatchObject({ status: 0, stderr: '' })
    }
  })

  it.each([
    ['127.0.0.2', 'http://127.0.0.2:9/ui/'],
    ['192.0.2.5', 'http://192.0.2.5:9/ui/'],
    ['[2001:db8::1]', 'http://[2001:db8::1]:9/ui/'],
    ['0.0.0.0', 'http://localhost:9/ui/'],
  ])('prints an address that answers with WEB_ADDRESS=%s', (WEB_ADDRESS, address) => {
    expect(start([], { WEB_ADDRESS }).stdout).toContain(address)
  })

  it('refuses another option', () => {
    const { status, stderr } = start(['--lite'])
    expect(status).toBe(1)
    expect(stderr).toContain("Unknown option '--lite'.")
  })

  it.each([
    'failed to do request: Head "https://registry.invalid/v2/": dial tcp: lookup registry.invalid: no such host',
    'npm error code EAI_AGAIN',
    'net/http: TLS handshake timeout',
    "E: Unable to connect to deb.invalid:http: Network is unreachable\nTemporary failure resolving 'deb.invalid'",
    'toomanyrequests: You have reached your pull rate limit',
    'failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://registry.invalid/v2/x": EOF',
    'unexpected status from HEAD request to https://registry.invalid/v2/: 502 Bad Gateway',
    'tls: failed to verify certificate: x509: certificate signed by unknown authority',
  ])('starts the images of the last build, and says so, when they cannot be built: %s', (BUILD_ERROR) => {
    const { status, stdout, up } = start([], { BUILD_ERROR })
    expect(status).toBe(0)
    expect(stdout).toContain(
      '! The images could not be built, so those of the last build are started, without the changes since.\n',
    )
    expect(up()).toContain('compose up --wait')
    // The next run can build again.
    expect(start().stdout).not.toContain('could not be')
  })

  it.each([{ DOCKER_BUILDKIT: '0' }, { BUILDX_BUILDER: 'mine' }])(
    "builds with the engine's own BuildKit, which has the base images: %j",
    (environment) => {
      expect(start([], environment).status).toBe(0)
      expect(readFileSync(join(machine.checkout, 'builder'), 'utf8')).toBe('1 desktop-linux\n')
    },
  )

  it('names the cause', () => {
    expect(start([], { BUILD_ERROR: 'toomanyrequests: You have reached your pull rate limit' }).stdout).toContain(
      'The image registry limits how often this address may pull.',
    )
  })

  it('does the same for npm run dev, which builds by scripts/setup.sh', () => {
    const BUILD_ERROR = 'dial tcp: lookup registry.invalid: no such host'
    const { status, stdout } = machine.run(['scripts/setup.sh', 'build'], { BUILD_ERROR })
    expect(status).toBe(0)
    expect(stdout).toContain('! The images could not be built, so those of the last build are started')
    expect(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')).toMatch(
      /"dev": "sh scripts\/setup\.sh [a-z ]* build &&/,
    )
    expect(machine.run(['scripts/setup.sh', 'build'], { BUILD_ERROR, NO_IMAGE: '1' }).status).toBe(1)
  })

  it.each([
    { BUILD_ERROR: 'HEALTHCHECK --timeout=3s: exit code 1' },
    { BUILD_ERROR: 'AH00526: Syntax error on line 7 of /srv/web/httpd.conf' },
    { BUILD_ERROR: 'dial tcp: lookup registry.invalid: no such host', NO_IMAGE: '1' },
  ])('fails with the output of the build: %j', (environment) => {
    const { status, stderr, up } = start([], environment)
    expect(status).toBe(1)
    expect(stderr).toContain(environment.BUILD_ERROR)
    expect(up).toThrow()
  })
})
