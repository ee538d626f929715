import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { beforeEach, describe, expect, it } from 'vitest'
import { useMachine } from './setup/machine.ts'

const machine = useMachine()
const settings = (lines: string) => writeFileSync(join(machine.checkout, '.env'), lines)

beforeEach(() => machine.link('docker'))

describe('setting, with Docker Compose', () => {
  it.each([
    ['WEB_PORT=8081', 'WEB_PORT', '8081'],
    ['export WEB_PORT=8081', 'WEB_PORT', '8081'],
    ['WEB_PORT = 8081', 'WEB_PORT', '8081'],
    ['  WEB_PORT: 8081', 'WEB_PORT', '8081'],
    ['WEB_PORT=8081\r\nLOG_LEVEL=warn\r', 'WEB_PORT', '8081'],
    ['\ufeffWEB_PORT=8081', 'WEB_PORT', '8081'],
    ['WEB_PORT=8081 # the second checkout', 'WEB_PORT', '8081'],
    ['WEB_PORT="8081" # the second checkout', 'WEB_PORT', '8081'],
    ["WEB_PORT='8081'", 'WEB_PORT', '8081'],
    ['WEB_PORT=8081\nWEB_PORT=8082', 'WEB_PORT', '8082'],
    ['WEB_PORT=', 'WEB_PORT', ''],
    ['#WEB_PORT=8081', 'WEB_PORT', ''],
    ['NODE_EXTRA_CA_CERTS=$HOME/ca.pem', 'NODE_EXTRA_CA_CERTS', '/home/me/ca.pem'],
    ["NODE_EXTRA_CA_CERTS='$HOME/ca.pem'", 'NODE_EXTRA_CA_CERTS', '$HOME/ca.pem'],
    ['NODE_EXTRA_CA_CERTS="/a folder/\\"ca\\"&<1>.pem"', 'NODE_EXTRA_CA_CERTS', '/a folder/"ca"&<1>.pem'],
    [`TAG=1\nMYSQL_IMAGE=\${REGISTRY:-registry.invalid}/mysql:\${TAG}`, 'MYSQL_IMAGE', 'registry.invalid/mysql:1'],
    ['COMPOSE_PROJECT_NAME=mine', 'COMPOSE_PROJECT_NAME', 'mine'],
    ['', 'COMPOSE_PROJECT_NAME', ''],
  ])('reads %j as Compose does: %s', (lines, name, value) => {
    settings(lines)
    const { stdout } = machine.withFunctions(`setting ${name}`, { HOME: '/home/me' })
    expect(stdout.replace(/\n$/, '')).toBe(value)
  })

  it('prefers the environment, also an empty value', () => {
    settings('WEB_PORT=8081\nLOG_LEVEL=warn')
    const { stdout } = machine.withFunctions('setting WEB_PORT; setting LOG_LEVEL', { WEB_PORT: '8083', LOG_LEVEL: '' })
    expect(stdout.trim()).toBe('8083')
  })

  it('has the lines that the set-up adds', () => {
    settings('WEB_PORT=8081')
    const { stdout } = machine.withFunctions('append_setting NODE_IMAGE local/node:26 why; setting NODE_IMAGE')
    expect(stdout).toBe('local/node:26\n')
    expect(readFileSync(join(machine.checkout, '.env'), 'utf8')).toBe(
      'WEB_PORT=8081\n# why\nNODE_IMAGE=local/node:26\n',
    )
  })

  it('repeats what Compose says about an .env that it cannot read', () => {
    settings('WEB PORT=8081')
    const { status, stdout, stderr } = machine.run(['scripts/setup.sh'])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain('failed to read ')
    expect(stderr).toContain('✗ Compose cannot read the settings')
  })

  it('names the setting when Compose refuses the name of the project', () => {
    settings('COMPOSE_PROJECT_NAME=My Shop')
    const { status, stdout, stderr } = machine.run(['scripts/setup.sh'])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain('"My Shop"')
    expect(stderr).toContain('COMPOSE_PROJECT_NAME is invalid.')
  })

  it('knows every setting that a script asks for', () => {
    const scripts = ['setup', 'start', 'setup/settings', 'setup/images', 'setup/project']
    const text = scripts.map((name) => readFileSync(join(repositoryRoot, `scripts/${name}.sh`), 'utf8')).join()
    const [, known = ''] = /^readonly SETTINGS='(.*)'$/m.exec(text) ?? []
    const asked = [...text.matchAll(/(?:\$\(|^ +expect_)setting ([A-Z_]+)/gm)].map(([, name]) => name)
    expect(asked.length).toBeGreaterThan(3)
    expect(known.split(' ')).toEqual(expect.arrayContaining(asked))
  })
})

describe('a folder whose name gives no name for a project', () => {
  const machine = useMachine('проект')

  it('gets one in .env, which Compose itself reads', () => {
    machine.link('docker')
    writeFileSync(join(machine.checkout, 'compose.yaml'), 'services: { one: { image: one } }\n')
    expect(machine.run(['scripts/setup.sh', 'project'])).toMatchObject({ status: 0, stdout: '' })
    const text = readFileSync(join(machine.checkout, '.env'), 'utf8')
    expect(text).toMatch(/\nCOMPOSE_PROJECT_NAME=checkout-\d+\n$/)
    expect(machine.run(['scripts/setup.sh', 'project'])).toMatchObject({ status: 0, stderr: '' })
    expect(readFileSync(join(machine.checkout, '.env'), 'utf8')).toBe(text)
  })
})
