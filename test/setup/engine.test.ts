import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { useMachine } from './machine.ts'

const machine = useMachine()
const path = (file: string) => join(machine.checkout, file)
const installed = () =>
  existsSync(path('apt')) ? readFileSync(path('apt'), 'utf8').trim().split('\n').at(-1)?.split(' ').slice(3) : undefined

/** Docker with these parts: files of these names, which apt-get creates for the packages that contain them. */
function useDocker(...parts: string[]): void {
  mkdirSync(path('parts'), { recursive: true })
  for (const part of parts) writeFileSync(path(`parts/${part}`), '')
  machine.fake(
    'docker',
    `part() { [ -e "${path('parts')}/$1" ] || { echo "docker: '$1' is not a docker command." >&2; exit 1; }; }
     case "$1 $2" in
       '--version '*) echo 'Docker version 28.2.2, build e6534b4' ;;
       'compose version') part compose; echo 2.40.0 ;;
       'buildx version') part buildx ;;
       'context inspect') echo "$CONTEXT" ;;
       'info '* | 'version '*) [ -e '${path('parts/engine')}' ] || { echo "Cannot connect to the Docker daemon at $CONTEXT." >&2; exit 1; }; echo 28.2.2 ;;
     esac`,
  )
}

beforeEach(() => {
  machine.fake('dpkg', 'true')
  machine.fake(
    'apt-get',
    `echo "$*" >>apt
     case "$*" in *install*compose*) : >parts/compose ;; esac
     case "$*" in *install*buildx*) : >parts/buildx ;; esac
     case "$*" in *install*docker.io* | *install*docker-ce*) : >parts/engine ;; esac`,
  )
})

const local = 'unix:///var/run/docker.sock'
/** The set-up as root on a distribution that has these packages. */
const ensure = (distribution: string, packages: readonly string[], environment: Record<string, string> = {}) => {
  machine.fake('dpkg-query', `case " ${packages.join(' ')} " in *" $4 "*) echo installed ;; *) exit 1 ;; esac`)
  return machine.withFunctions(
    `distribution() { printf '${distribution}'; }; id() { echo 0; }; add_engine_source() { echo >source; }
     has_dockerd() { have dockerd; }; someone_listens() { [ -n "\${LISTENS:-}" ]; }; ensure_engine`,
    { CONTEXT: local, ...environment },
  )
}

describe('ensure_engine', () => {
  it.each([
    ['podman version 4.3.1', 'podman version 4.3.1'],
    ['nerdctl version 2.0.0', 'nerdctl version 2.0.0'],
  ])('names another program that is called docker: %s', (version, name) => {
    machine.fake('docker', `echo 'Emulate Docker CLI' >&2; [ "$1" = --version ] && echo '${version}'`)
    const { status, stderr } = ensure('debian', [])
    expect(status).toBe(1)
    expect(stderr).toContain(`The command docker is not Docker: ${name}.`)
    expect(installed()).toBeUndefined()
  })

  it('names an engine of Podman behind the Docker client', () => {
    useDocker('compose', 'buildx', 'engine')
    const script = readFileSync(path('bin/docker'), 'utf8').replace(
      'case "$1 $2" in',
      'case "$*" in "version "*Components*) echo "Podman Engine Conmon"; exit ;; esac\ncase "$1 $2" in',
    )
    machine.fake('docker', script)
    const { status, stderr } = ensure('debian', [])
    expect(status).toBe(1)
    expect(stderr).toContain('connected to Podman; Docker Engine is needed')
  })

  it.each([
    ['debian', ['docker-ce', 'docker-ce-cli'], ['engine', 'buildx'], ['docker-compose-plugin']],
    ['debian', ['docker-ce', 'docker-ce-cli'], ['engine', 'compose'], ['docker-buildx-plugin']],
    ['ubuntu', ['docker-ce', 'docker-ce-cli'], ['engine'], ['docker-compose-plugin', 'docker-buildx-plugin']],
    ['debian', ['docker-ce-cli'], ['buildx', 'compose'], ['docker-ce']],
    ['debian', ['docker.io', 'docker-cli'], ['engine', 'compose'], ['docker-buildx']],
    ['debian', ['docker.io', 'docker-cli'], ['engine', 'buildx'], ['docker-compose']],
    ['ubuntu', ['docker.io'], ['engine', 'buildx'], ['docker-compose-v2']],
    ['debian', [], ['engine', 'buildx'], ['docker-compose']],
    ['debian', [], ['buildx', 'compose'], ['docker.io', 'iptables', 'ca-certificates']],
  ])('on %s with %j and the parts %j installs only %j', (distribution, packages, parts, expected) => {
    useDocker(...parts)
    expect(ensure(distribution, packages).status).toBe(0)
    expect(installed()).toEqual(expected)
    // Docker's own packages need no other source.
    expect(existsSync(path('source'))).toBe(!packages.some((name) => name.startsWith('docker-ce')))
  })

  it('installs no engine beside one that is reached through its socket', () => {
    machine.fake('apt-get', 'echo "$*" >>apt; case "$*" in install*) exit 1 ;; esac')
    ensure('debian', [], { LISTENS: '1' })
    expect(installed()).toEqual(['docker-cli', 'docker-compose', 'docker-buildx'])
  })

  it('installs no engine beside a stopped one of snap', () => {
    useDocker('compose', 'buildx')
    const { status, stderr } = machine.withFunctions(
      `has_dockerd() { false; }; someone_listens() { false; }
       command() { if [ "$2" = docker ]; then echo /snap/bin/docker; else builtin command "$@"; fi; }; ensure_engine`,
      { CONTEXT: local },
    )
    expect(status).toBe(1)
    expect(stderr).toContain('cannot reach an engine')
    expect(installed()).toBeUndefined()
  })

  it('names an engine that is too old before it installs anything', () => {
    useDocker('engine')
    const script = readFileSync(path('bin/docker'), 'utf8').replace('echo 28.2.2', 'echo 20.10.24')
    machine.fake('docker', script)
    const { status, stderr } = ensure('debian', ['docker.io'])
    expect(status).toBe(1)
    expect(stderr).toContain('Docker engine 20.10.24 is too old')
    expect(installed()).toBeUndefined()
  })

  it.each([
    ['DOCKER_HOST', 'tcp://192.0.2.1:2376'],
    ['a context', 'unix:///home/me/.colima/default/docker.sock'],
  ])('names an engine chosen by %s that it cannot reach, and installs none beside it', (_, engine) => {
    useDocker('compose', 'buildx')
    const { status, stderr } = ensure('debian', [], { CONTEXT: engine })
    expect(status).toBe(1)
    expect(stderr).toContain(`cannot reach the engine at ${engine}, which DOCKER_HOST or its context names.`)
    expect(stderr).toContain(`Cannot connect to the Docker daemon at ${engine}.`)
    expect(installed()).toBeUndefined()
  })

  it('does not wait long for an engine that does not answer', () => {
    useDocker('compose', 'buildx')
    machine.fake('timeout', 'echo "$*" >>waits; exit 124')
    const { status, stderr } = ensure('debian', [], { CONTEXT: 'tcp://192.0.2.1:2376' })
    expect(status).toBe(1)
    expect(stderr).toContain('cannot reach the engine at tcp://192.0.2.1:2376')
    expect(stderr).toContain('It did not answer within 30 s.')
    const waits = readFileSync(path('waits'), 'utf8').trim().split('\n')
    expect(waits).toContain('30 docker info')
    expect(waits).toContain('30 docker version')
  })

  it('repeats what Docker says when this user may not use the engine', () => {
    useDocker('compose', 'buildx')
    // dockerd is in a folder that the user's PATH lacks.
    const { status, stderr } = machine.withFunctions('id() { echo 1000; }; has_dockerd() { true; }; ensure_engine', {
      CONTEXT: local,
    })
    expect(status).toBe(1)
    expect(stderr).toContain(`Cannot connect to the Docker daemon at ${local}.`)
    expect(stderr).toContain('linux-postinstall')
  })
})
