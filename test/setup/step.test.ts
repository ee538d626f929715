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

  // Lines of real outputs.
  it.each([
    ['npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write', 'The disk is full.'],
    [
      'failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF',
      'The Docker engine stopped.',
    ],
    [
      'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
      'The Docker engine stopped.',
    ],
    ['Bind for 0.0.0.0:8080 failed: port is already allocated', 'WEB_PORT=8081 npm start'],
    ["Temporary failure resolving 'mirror.invalid'", 'A server could not be reached'],
    ['npm error code ECONNREFUSED', 'A server could not be reached'],
    ['E: Failed getting release file http://mirror.invalid/dists/trixie/Release', 'A server could not be reached'],
    ['npm error code SELF_SIGNED_CERT_IN_CHAIN', 'NODE_EXTRA_CA_CERTS'],
  ])('adds advice about the cause of: %s', (line, advice) => {
    const command = 'work() { echo "$LINE"; false; }; step Doing Other. work'
    const { status, stderr } = machine.withFunctions(command, { LINE: line })
    expect(status).toBe(1)
    expect(stderr).toContain(advice)
    expect(stderr.trimEnd()).toMatch(/\n {2}Other\.$/)
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
