import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { useMachine } from './machine.ts'

const machine = useMachine()

describe('step', () => {
  it('prints the command, the end of its output and the advice when the command fails', () => {
    const { status, stdout, stderr } = machine.withFunctions(
      "work() { echo first; echo 'no such mirror'; false; echo never; }; step 'Doing it' 'Try another mirror.' work; echo on",
    )
    expect(status).toBe(1)
    expect(stdout).toMatch(/^▸ Doing it … failed after \d+ s\n$/)
    expect(stderr).toContain('✗ Doing it\n  command: work (exit 1)')
    expect(stderr).toContain('    no such mirror')
    expect(stderr).not.toContain('never')
    expect(stderr).toContain('Try another mirror.')
  })

  it('prints how long the command took when it succeeds', () => {
    expect(machine.withFunctions("step 'Doing it' '' true; echo on").stdout).toMatch(/^▸ Doing it … \d+ s\non\n$/)
  })

  it('runs the command in English, by whose words the causes are known', () => {
    for (const environment of [{ LC_ALL: 'xx' }, { LANG: 'de_DE.UTF-8', LC_MESSAGES: 'de_DE.UTF-8' }]) {
      const { stderr } = machine.withFunctions(
        'work() { (echo "in $LC_ALL"); false; }; step Doing Other. work',
        environment,
      )
      expect(stderr).toContain('    in C\n')
    }
  })

  it('prints a line every 30 s without a terminal', () => {
    const sleep = 'sleep() { SECONDS=$((SECONDS + 10)); [ "$SECONDS" -lt 75 ]; }'
    expect(machine.withFunctions(`${sleep}; printf '▸ Doing it … '; tick 'Doing it'`).stdout).toBe(
      '▸ Doing it … 30 s\n▸ Doing it … 60 s\n▸ Doing it … ',
    )
  })

  /** Lines of real outputs, by the cause that they have. */
  const outputs: Readonly<Record<string, readonly string[]>> = {
    'watched files': [
      "Error: ENOSPC: System limit for number of file watchers reached, watch '/srv/src'",
      "ENOSPC: no space left on device, watch '/srv/src'",
    ],
    'disk full': [
      "E: You don't have enough free space in /var/cache/apt/archives/.",
      'npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write',
      'write /var/lib/docker/tmp/GetImageBlob: no space left on device',
    ],
    memory: [
      'process "/bin/sh -c npm ci" did not complete successfully: exit code: 137',
      'fork/exec /usr/bin/runc: cannot allocate memory',
      'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
    ],
    processor: [
      'exec /usr/local/bin/serve: exec format error',
      'image with reference local/node:26 was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64',
    ],
    'rate limit': [
      'toomanyrequests: You have reached your pull rate limit.',
      'unexpected status: 429 Too Many Requests',
    ],
    'registry failure': [
      'Error response from daemon: received unexpected HTTP status: 503 Service Unavailable',
      'unexpected status from HEAD request to https://registry.invalid/v2/: 502 Bad Gateway',
    ],
    credentials: [
      'error getting credentials - err: exec: "docker-credential-desktop": executable file not found in $PATH',
      'unauthorized: incorrect username or password',
    ],
    'address pools': [
      'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network',
      'Error response from daemon: all predefined address pools have been fully subnetted',
      'invalid pool request: Pool overlaps with other one on this address space',
    ],
    'file limit': [
      'EMFILE: too many open files, watch',
      '[ALERT] (1) : [haproxy.main()] Cannot raise FD limit to 8034, limit is 1024.',
      'accept4: too many open files',
      'error setting rlimits for ready process: error setting rlimit type 7: operation not permitted',
    ],
    'privileged port': [
      'cannot expose privileged port 80, you can add net.ipv4.ip_unprivileged_port_start=80 to /etc/sysctl.conf',
      'listen tcp4 0.0.0.0:80: bind: permission denied',
    ],
    'port in use': [
      'Bind for 0.0.0.0:8080 failed: port is already allocated',
      'listen tcp4 127.0.0.1:8080: bind: address already in use',
      'Ports are not available: exposing port TCP 127.0.0.1:8080',
    ],
    clock: [
      'tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2019-01-01',
      'E: Release file for http://mirror.invalid/InRelease is not valid yet (invalid for another 3h)',
      'npm error code CERT_NOT_YET_VALID',
    ],
    certificate: [
      'npm error code SELF_SIGNED_CERT_IN_CHAIN',
      'tls: failed to verify certificate: x509: certificate signed by unknown authority',
      'npm error unable to verify the first certificate',
    ],
    proxy: [
      'proxyconnect tcp: dial tcp 192.0.2.1:3128: connect: connection refused',
      'Get "https://registry.invalid/v2/": Proxy Authentication Required',
    ],
    access: [
      'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock',
      'open /home/me/.docker/buildx/current: permission denied',
    ],
    'read-only': [
      "npm error EROFS: read-only file system, mkdir '/home/me/.npm/_cacache'",
      'mkdir /home/me/.docker: read-only file system',
    ],
    owner: [
      'npm error Your cache folder contains root-owned files, due to a bug in previous versions of npm',
      "npm error EACCES: permission denied, mkdir '/srv/node_modules/x'",
    ],
    'engine stopped': [
      'failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF',
      'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
    ],
    transfer: [
      'Error response from daemon: Get "https://registry.invalid/v2/": EOF',
      'failed to copy: httpReadSeeker: failed open: unexpected EOF',
      'http2: client connection lost',
      'net/http: timeout awaiting response headers',
    ],
    network: [
      "Temporary failure resolving 'mirror.invalid'",
      'dial tcp: lookup registry.invalid on 192.0.2.53:53: no such host',
      'npm error code ECONNREFUSED',
      'E: Failed getting release file http://mirror.invalid/dists/trixie/Release',
      'net/http: TLS handshake timeout',
      'getaddrinfo: Name or service not known',
    ],
  }
  const [, table = ''] = readFileSync(join(repositoryRoot, 'scripts/setup/step.sh'), 'utf8').split(/^.*CAUSES'?$/m)
  const causes = table
    .trim()
    .split('\n')
    .map((row) => row.split('~'))

  it('has a real output for each known cause', () => {
    expect(causes.map(([name]) => name)).toEqual(Object.keys(outputs))
  })

  it.each(
    causes.flatMap(([name = '', , ...advice]) => (outputs[name] ?? []).map((line) => [name, line, advice.join('~')])),
  )('adds the advice about %s, and no other, to: %s', (_, line, advice) => {
    const { status, stderr } = machine.withFunctions('work() { echo "$LINE"; false; }; step Doing Other. work', {
      LINE: String(line),
    })
    expect(status).toBe(1)
    expect(stderr.trimEnd().split('\n\n').at(-1)).toBe(`  ${advice}\n  Other.`)
  })

  it('adds no advice about an unknown cause', () => {
    const { stderr } = machine.withFunctions('work() { echo odd; false; }; step Doing Other. work')
    expect(stderr).toMatch(/\n {4}odd\n\n {2}Other\.\n$/)
  })
})

describe('need_space', () => {
  const setFreeSpace = (kilobytes: number) => {
    machine.fake('docker', `echo ${machine.checkout}`)
    machine.fake(
      'df',
      `printf 'Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/x 99 9 ${kilobytes} 9%% /\\n'`,
    )
  }

  it("fails if the disk of Docker's data has less space", () => {
    setFreeSpace(1_048_575)
    const { status, stderr } = machine.withFunctions('need_space 1')
    expect(status).toBe(1)
    expect(stderr).toContain(`Only 1023 MB are free on the disk of ${machine.checkout}; 1 GB are needed.`)
    expect(stderr).toContain('docker system df')
  })

  it.each(['//server/my share 2097152 1048577 1048575 50% /mnt/my disk', 'C:\\ 2097152 1048577 1048575 50% /mnt/c'])(
    'finds it in the line %s',
    (line) => {
      setFreeSpace(0)
      machine.fake('df', `printf '%s\\n' 'Filesystem 1024-blocks Used Available Capacity Mounted on' '${line}'`)
      expect(machine.withFunctions('need_space 1').stderr).toContain('Only 1023 MB are free')
    },
  )

  it.each(['overlay - - - - /', ''])('asks for none if it is not known: %j', (line) => {
    setFreeSpace(0)
    machine.fake('df', `printf '%s\\n' 'Filesystem 1024-blocks Used Available Capacity Mounted on' '${line}'`)
    expect(machine.withFunctions('need_space 1').status).toBe(0)
  })

  it('succeeds if the disk has that much space', () => {
    setFreeSpace(1_048_576)
    expect(machine.withFunctions('need_space 1').status).toBe(0)
  })
})

describe('at_least', () => {
  it.each([
    ['25.0.0', 25, 0, true],
    ['26.1.5+dfsg1', 25, 0, true],
    ['v2.26.1-4', 2, 20, true],
    ['2.9.0', 2, 20, false],
    ['24.0.9', 25, 0, false],
  ])('compares version %s with %i.%i: %s', (version, major, minor, enough) => {
    expect(machine.withFunctions(`at_least ${version} ${major} ${minor}`).status === 0).toBe(enough)
  })
})
