import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DockerError, docker, dockerOutput, openProject, repositoryRoot } from '../src/index.ts'

let folder: string

/** Puts a shell script in the place of the program `docker`. */
function fakeDocker(script: string): { env: { PATH: string } } {
  const file = join(folder, 'docker')
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return { env: { PATH: `${folder}:${process.env.PATH}` } }
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docker-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('docker', () => {
  it('resolves with the standard output without white space around it', async () => {
    expect(await docker(['ps', '--all'], fakeDocker('echo; echo "$@"; echo warning >&2'))).toBe('ps --all')
  })

  it('writes the input to standard input', async () => {
    expect(await docker([], { ...fakeDocker('cat'), input: 'some text' })).toBe('some text')
  })

  it('separates standard output and standard error', async () => {
    const both = await dockerOutput([], fakeDocker('echo out; echo err >&2'))
    expect(both).toEqual({ stdout: 'out\n', stderr: 'err\n' })
  })

  it('rejects with the command and its standard error', async () => {
    const failing = docker(['ps'], fakeDocker('echo out; echo "no such thing" >&2; exit 3'))
    await expect(failing).rejects.toMatchObject({
      name: 'DockerError',
      message: 'docker ps: no such thing',
      stdout: 'out\n',
      stderr: 'no such thing\n',
    })
  })

  it('rejects when Docker is not installed, and says so', async () => {
    await expect(docker(['ps'], { env: { PATH: folder } })).rejects.toThrow('Docker is not installed')
  })

  it('ends the command when the signal is aborted', async () => {
    const controller = new AbortController()
    const running = docker([], { ...fakeDocker('exec sleep 60'), signal: controller.signal })
    controller.abort()
    await expect(running).rejects.toBeInstanceOf(DockerError)
  })

  it('starts nothing after the signal is aborted', async () => {
    await expect(docker([], { ...fakeDocker('echo ran'), signal: AbortSignal.abort() })).rejects.toThrow('aborted')
  })
})

describe('a project', () => {
  const project = (script: string) => openProject({ ...fakeDocker(script), name: 'x', profiles: ['observe'] })

  it('names itself and its profiles in every command', async () => {
    const script = 'echo "$COMPOSE_PROJECT_NAME $@"'
    expect(await project(script).compose('ps')).toBe('x compose --profile observe ps\n')
  })

  it.each([
    ['one list', (rows: object[]) => JSON.stringify(rows)],
    ['an object per line', (rows: object[]) => rows.map((row) => JSON.stringify(row)).join('\n')],
  ])('lists containers in the order of the diagram, from %s', async (_, format) => {
    const row = (service: string, number: number) => ({
      ID: `${service}${number}`,
      Service: service,
      Name: `x-${service}-${number}`,
      State: 'running',
      Status: 'Up 1 second',
    })
    const rows = [row('prometheus', 1), row('app', 10), row('app', 2), row('alb', 1)]
    writeFileSync(join(folder, 'rows'), format(rows))
    const containers = await project(`cat ${folder}/rows`).list()
    expect(containers.map(({ instance }) => instance)).toEqual(['alb-1', 'app-2', 'app-10', 'prometheus-1'])
    expect(containers[0]).toMatchObject({ id: 'alb1', service: 'alb', state: 'running', health: '' })
  })

  it('lists nothing when there are no containers', async () => {
    expect(await project('true').list()).toEqual([])
  })

  it('finds the other checkouts whose containers have its name', async () => {
    const script = (folders: string[]) =>
      `case $1 in compose) echo id ;; inspect) printf '%s\\n' ${folders.map((each) => `'"${each}"'`).join(' ')} ;; esac`
    expect(await project(script([repositoryRoot])).otherCheckouts()).toEqual([])
    const others = [folder, '/removed/checkout']
    expect(await project(script([repositoryRoot, ...others, folder])).otherCheckouts()).toEqual(others)
  })

  it('finds no other checkout when there are no containers', async () => {
    expect(await project('[ "$1" = compose ]').otherCheckouts()).toEqual([])
  })
})
