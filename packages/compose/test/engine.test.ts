import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { engineEnvironment } from '../src/engine.ts'
import { repositoryRoot } from '../src/index.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docker-'))
  writeFileSync(join(folder, 'docker'), `#!/bin/sh\n[ "$*" = "context inspect" ] && cat "${folder}/context.json"\n`, {
    mode: 0o755,
  })
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`)
  for (const name of ['DOCKER_HOST', 'DOCKER_CERT_PATH', 'DOCKER_CONFIG', 'DOCKER_TLS_VERIFY']) vi.stubEnv(name, '')
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

/** What Docker prints about its context. @param files those for TLS. */
function useContext(host: string, files: readonly string[] = [], tlsPath = '<IN MEMORY>', skipVerify = false): void {
  const context = {
    Name: 'any',
    Metadata: {},
    Endpoints: { docker: { Host: host, SkipTLSVerify: skipVerify } },
    TLSMaterial: files.length > 0 ? { docker: files } : {},
    Storage: { MetadataPath: '<IN MEMORY>', TLSPath: tlsPath },
  }
  writeFileSync(join(folder, 'context.json'), JSON.stringify([context]))
}

const all = ['ca.pem', 'cert.pem', 'key.pem']

/** Creates files for TLS, in a folder of their own. @returns the folder. */
function createCertificates(name: string, files: readonly string[] = all): string {
  mkdirSync(join(folder, name), { recursive: true })
  for (const file of files) writeFileSync(join(folder, name, file), '')
  return join(folder, name)
}

const remote = 'tcp://192.0.2.1:2376'
const tls = (path: string) => ({ DOCKER_HOST: remote, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: path })

describe('the engine of the tests', () => {
  it.each(['unix:///home/me/.colima/default/docker.sock', 'unix:///run/user/1000/docker.sock', 'tcp://192.0.2.1:2375'])(
    'is the one of Docker, without TLS: %s',
    (host) => {
      useContext(host)
      expect(engineEnvironment()).toEqual({ DOCKER_HOST: host, DOCKER_TLS_VERIFY: '', DOCKER_CERT_PATH: '' })
    },
  )

  it('has no TLS at a socket, whatever DOCKER_TLS_VERIFY is', () => {
    useContext('unix:///var/run/docker.sock', all)
    expect(engineEnvironment()).toMatchObject({ DOCKER_TLS_VERIFY: '' })
  })

  it("has the context's files for TLS", () => {
    const path = createCertificates('contexts/tls/5f/docker')
    useContext(remote, all, join(path, '..'))
    expect(engineEnvironment()).toEqual(tls(path))
  })

  it.each(['DOCKER_CERT_PATH', 'DOCKER_CONFIG'])('has the files for TLS of DOCKER_HOST: %s', (name) => {
    const path = createCertificates('certificates')
    vi.stubEnv(name, path)
    useContext(remote, all)
    expect(engineEnvironment()).toEqual(tls(path))
  })

  it('has the files for TLS of DOCKER_HOST in ~/.docker', () => {
    const path = createCertificates('.docker')
    vi.stubEnv('HOME', folder)
    useContext(remote, all)
    expect(engineEnvironment()).toEqual(tls(path))
  })

  it.each([
    ['ssh://me@build.invalid', [], false, 'Testcontainers does not support SSH'],
    [remote, all, true, 'only TLS that is verified'],
    [remote, ['ca.pem'], false, 'needs ca.pem, cert.pem, key.pem in '],
  ])('is refused where Testcontainers would use another one: %s, %j, %s', (host, files, skipVerify, reason) => {
    vi.stubEnv('DOCKER_CERT_PATH', createCertificates('some', files))
    useContext(host, files, undefined, skipVerify)
    expect(engineEnvironment).toThrow(`The tests cannot use the engine at ${host}: `)
    expect(engineEnvironment).toThrow(reason)
    expect(engineEnvironment).toThrow('docker context use NAME')
  })

  it('is what Testcontainers reads once a container was declared', () => {
    useContext('unix:///colima.sock')
    const script = `
      import { testContainer } from './packages/compose/src/testing.ts'
      testContainer('image')
      console.log(process.env.DOCKER_HOST)`
    const args = ['--input-type=module', '--eval', script]
    expect(execFileSync(process.execPath, args, { cwd: repositoryRoot, encoding: 'utf8' })).toBe(
      'unix:///colima.sock\n',
    )
  })
})
