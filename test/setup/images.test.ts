import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { useMachine } from './machine.ts'

const machine = useMachine()
const settingsFile = () => join(machine.checkout, '.env')
const settings = () => readFileSync(settingsFile(), 'utf8')

describe('remember_image', () => {
  it('appends to .env and changes nothing else in it', () => {
    const before = 'WEB_PORT=9999\nMYSQL_IMAGE=mine:1'
    writeFileSync(settingsFile(), before)
    machine.withFunctions('remember_image NODE_IMAGE local/node:26')
    const lines = settings().split('\n')
    expect(lines.slice(0, 2).join('\n')).toBe(before)
    expect(lines).toContain('NODE_IMAGE=local/node:26')
  })

  it('creates .env if there is none', () => {
    expect(existsSync(settingsFile())).toBe(false)
    machine.withFunctions('remember_image NODE_IMAGE local/node:26')
    expect(settings()).toMatch(/^# .*\nNODE_IMAGE=local\/node:26\n$/)
  })
})

describe('ensure_image', () => {
  /** Docker with these local images; it can pull none. The builder creates the image that it is asked for. */
  function ensure(...images: string[]) {
    machine.fake('touch', ': >"$1"')
    machine.fake(
      'docker',
      `name() { printf '%s' "$images/\${1//\\//_}"; }
       images=${machine.checkout}/images
       case "$1 $2" in
         'image inspect') [ -e "$(name "$3")" ] ;;
         'tag '*) [ -e "$(name "$2")" ] && touch "$(name "$3")" ;;
         'info '*) echo /nowhere ;;
         'pull '*) echo 'manifest unknown' >&2; exit 1 ;;
         *) exit 1 ;;
       esac`,
    )
    const existing = images.map((image) => `touch images/${image.replace('/', '_')};`).join('')
    const script = `mkdir images; ${existing} build() { touch "images/\${1//\\//_}"; }
      ensure_image NODE_IMAGE node:26-trixie-slim local/node:26 build`
    const { status, stdout } = machine.withFunctions(script)
    expect(status).toBe(0)
    return stdout
  }

  it('takes the official image if there is one, and writes no .env', () => {
    expect(ensure('node:26-trixie-slim')).toBe('')
    expect(existsSync(settingsFile())).toBe(false)
  })

  it('builds an equivalent of an official image that cannot be pulled, and sets it in .env', () => {
    expect(ensure()).toContain('Building local/node:26 (node:26-trixie-slim cannot be pulled here)')
    expect(settings()).toContain('\nNODE_IMAGE=local/node:26\n')
  })

  it("uses an earlier release's image under the new name", () => {
    expect(ensure('three-tier/node:26')).not.toContain('Building')
    expect(settings()).toContain('\nNODE_IMAGE=local/node:26\n')
    expect(existsSync(join(machine.checkout, 'images/local_node:26'))).toBe(true)
  })

  it("builds the image again under the name that an earlier release's .env has", () => {
    writeFileSync(settingsFile(), 'NODE_IMAGE=three-tier/node:26\n')
    expect(ensure()).toContain('Building three-tier/node:26')
    expect(settings()).toBe('NODE_IMAGE=three-tier/node:26\n')
  })
})

describe('ensure_image with DOCKER_DEFAULT_PLATFORM', () => {
  const ensure = (platform: string) => {
    machine.fake('docker', 'case "$*" in *Architecture*) echo linux/amd64 ;; esac')
    writeFileSync(settingsFile(), 'NODE_IMAGE=local/node:26\n')
    const environment = { DOCKER_DEFAULT_PLATFORM: platform }
    return machine.withFunctions('ensure_image NODE_IMAGE node:26-trixie-slim local/node:26 false', environment)
  }

  it.each(['linux/arm64', 'linux/arm64/v8', 'linux/386'])(
    'refuses %s, for which there is no equivalent',
    (platform) => {
      const { status, stderr } = ensure(platform)
      expect(status).toBe(1)
      expect(stderr).toContain(`✗ local/node:26 is for linux/amd64, and DOCKER_DEFAULT_PLATFORM=${platform}.`)
      expect(stderr).toContain('unset DOCKER_DEFAULT_PLATFORM')
    },
  )

  it.each(['', 'linux/amd64', 'linux/amd64/v2'])("accepts '%s', for which it was built", (platform) => {
    expect(ensure(platform)).toMatchObject({ status: 0, stdout: '' })
  })
})

describe('ensure_image when the pull fails', () => {
  /** Docker whose pulls fail with this message until the attempt of this number. */
  function pull(message: string, { successAt = 9, npm = false, ...environment }: Record<string, unknown> = {}) {
    machine.fake(
      'docker',
      `case $1 in
         pull) echo >>pulls; [ "$(cat pulls | grep -c '')" -ge ${successAt} ] || { echo "$MESSAGE" >&2; exit 1; } ;;
         info) echo /nowhere ;;
         *) exit 1 ;;
       esac`,
    )
    machine.fake('sleep', 'true')
    if (npm) machine.fake('npm', 'true')
    const result = machine.withFunctions(
      'build() { true; }; ensure_image NODE_IMAGE node:26-trixie-slim local/node:26 build',
      { MESSAGE: message, ...(environment as Record<string, string>) },
    )
    const pulls = readFileSync(join(machine.checkout, 'pulls'), 'utf8').length
    return { ...result, pulls }
  }

  it('tries the next image once when the registry is what this network lacks', () => {
    machine.fake(
      'docker',
      `case $1 in pull) echo "$3" >>pulls; echo "$MESSAGE" >&2; exit 1 ;; info) echo / ;; *) exit 1 ;; esac`,
    )
    machine.fake('sleep', 'true')
    machine.fake('npm', 'true')
    const script = 'for name in one two; do can_pull $name VARIABLE local || true; done'
    machine.withFunctions(script, { MESSAGE: noSuchHost })
    expect(readFileSync(join(machine.checkout, 'pulls'), 'utf8')).toBe('one\none\none\ntwo\n')
  })

  const noSuchHost =
    'Error response from daemon: Get "https://registry.invalid/v2/": dial tcp: lookup registry.invalid on 192.0.2.53:53: no such host'

  it.each([
    [
      'toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit',
      'docker login',
    ],
    [
      'Error response from daemon: Get "https://registry.invalid/v2/": proxyconnect tcp: dial tcp: lookup proxy.invalid: no such host',
      'https://docs.docker.com/engine/daemon/proxy/',
    ],
    [noSuchHost, 'Check the network and its DNS.'],
    ['failed to register layer: write /usr/sbin/mysqld: no space left on device', 'The disk is full.'],
    [
      'Error response from daemon: Get "https://registry.invalid/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
      'NODE_EXTRA_CA_CERTS',
    ],
    [
      'x509: certificate has expired or is not yet valid: current time 2019-01-01 is before 2026-01-01',
      "machine's clock",
    ],
    ['error getting credentials - err: exec: "docker-credential-desktop": executable file not found', 'credsStore'],
    ['received unexpected HTTP status: 503 Service Unavailable', 'Wait, and run this again.'],
    ['Error response from daemon: Get "https://registry.invalid/v2/": net/http: TLS handshake timeout', 'the network'],
    ['Error response from daemon: Get "https://registry.invalid/v2/": EOF', 'broke off'],
    ['httpReadSeeker: failed open: failed to do request: Get "https://cdn.invalid/x": EOF', 'broke off'],
    ['stream error: stream ID 7; INTERNAL_ERROR; received from peer', 'broke off'],
    ['filesystem layer verification failed for digest sha256:0', 'broke off'],
    ['Error response from daemon: Get "https://registry.invalid/v2/": Forbidden', 'Look the message up'],
    ['something that nobody has seen yet', 'Look the message up'],
  ])(
    'for a cause that passes or can be removed, it says so after three attempts and writes no .env: %s',
    (message, advice) => {
      const { status, stdout, stderr, pulls } = pull(message)
      expect(status).toBe(1)
      expect(stdout).toBe('▸ Pulling node:26-trixie-slim … failed\n')
      expect(stderr).toContain(`✗ node:26-trixie-slim cannot be pulled: ${message}\n`)
      expect(stderr).toContain(advice)
      expect(stderr).toContain('set NODE_IMAGE=local/node:26 in .env.')
      expect(pulls).toBe(3)
      expect(existsSync(settingsFile())).toBe(false)
    },
  )

  it('takes the official image once an attempt succeeds', () => {
    const { status, stdout, pulls } = pull(noSuchHost, { successAt: 2 })
    expect({ status, stdout, pulls }).toEqual({ status: 0, stdout: '▸ Pulling node:26-trixie-slim … done\n', pulls: 2 })
    expect(existsSync(settingsFile())).toBe(false)
  })

  it.each([
    ['manifest for node:26-trixie-slim not found: manifest unknown', 1, false],
    ['Error response from daemon: pull access denied for node, repository does not exist', 1, false],
    ['no matching manifest for linux/riscv64 in the manifest list entries', 1, false],
    // npm's registry answers, so the network and its DNS work.
    [noSuchHost, 3, true],
  ])('builds an equivalent of an image that cannot be had, and shows the reason: %s', (message, attempts, npm) => {
    const { status, stdout, pulls } = pull(message, { npm })
    expect(status).toBe(0)
    expect(stdout).toContain(`not available: ${message}\n`)
    expect(pulls).toBe(attempts)
    expect(settings()).toContain('\nNODE_IMAGE=local/node:26\n')
  })

  it('takes nothing for missing where a proxy is set that only npm may know', () => {
    const { status, pulls } = pull(noSuchHost, { npm: true, HTTPS_PROXY: 'http://proxy.invalid:3128' })
    expect({ status, pulls }).toEqual({ status: 1, pulls: 3 })
    expect(existsSync(settingsFile())).toBe(false)
  })
})

describe('build_node_equivalent', () => {
  /** The npm packages that it takes for an engine of this architecture, on a machine that calls itself something else. */
  function packagesFor(architecture: string) {
    for (const name of ['gzip', 'mktemp', 'tar']) machine.link(name)
    machine.fake('uname', 'echo riscv64')
    machine.fake('node', 'case "$*" in *node-linux-*) echo 26.0.0 ;; *) echo npm@11.0.0 ;; esac')
    machine.fake('npm', 'echo "$5" >>packed; mkdir -p package; : >package/file; tar -czf "$4/one.tgz" package')
    machine.fake('docker', `case $1 in info) echo ${architecture} ;; build) ;; esac`)
    const { status, stdout } = machine.withFunctions('build_node_equivalent local/node:26')
    const packed = join(machine.checkout, 'packed')
    return { status, stdout, packages: existsSync(packed) ? readFileSync(packed, 'utf8').trim().split('\n') : [] }
  }

  it.each([
    ['x86_64', 'x64'],
    ['amd64', 'x64'],
    ['aarch64', 'arm64'],
    ['arm64', 'arm64'],
  ])('takes the Node of the architecture of the engine, %s', (architecture, name) => {
    const packages = [`node-linux-${name}@26.0.0`, 'npm@11.0.0']
    expect(packagesFor(architecture)).toEqual({ status: 0, stdout: '', packages })
  })

  it('fails for an architecture without a package', () => {
    expect(packagesFor('s390x')).toEqual({
      status: 1,
      stdout: "Node.js has no package for the engine's architecture, s390x.\n",
      packages: [],
    })
  })
})

describe('debian_mirror', () => {
  it('can be set', () => {
    const environment = { DEBIAN_MIRROR: 'http://mirror.invalid/debian' }
    expect(machine.withFunctions('debian_mirror main', environment).stdout).toBe('http://mirror.invalid/debian')
  })
})
