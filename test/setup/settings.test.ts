import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { useMachine } from './machine.ts'

const machine = useMachine()
const writeSettings = (text: string) => writeFileSync(join(machine.checkout, '.env'), text)

describe('setting', () => {
  it('prefers the environment to .env, and the last line in .env', () => {
    writeSettings('MYSQL_IMAGE=mine:1\nMYSQL_IMAGE="mine:2"\n')
    expect(machine.withFunctions('setting MYSQL_IMAGE').stdout.trim()).toBe('mine:2')
    expect(machine.withFunctions('setting MYSQL_IMAGE', { MYSQL_IMAGE: 'mine:3' }).stdout).toBe('mine:3')
    expect(machine.withFunctions('setting NODE_IMAGE').stdout).toBe('')
  })

  it('reads quoted values and comments as Compose does', () => {
    writeSettings("NODE_IMAGE='mine#1' # quoted\nMYSQL_IMAGE=mine#2  # plain\nDEBIAN_IMAGE=# nothing\n")
    expect(machine.withFunctions('setting NODE_IMAGE').stdout.trim()).toBe('mine#1')
    expect(machine.withFunctions('setting MYSQL_IMAGE').stdout.trim()).toBe('mine#2')
    expect(machine.withFunctions('setting DEBIAN_IMAGE').stdout.trim()).toBe('')
  })
})

describe('check_settings', () => {
  it('reports all invalid settings at once, before anything is done', () => {
    writeSettings('WEB_PORT=80a\nLOG_LEVEL=loud\nMYSQL_IMAGE="a b"\n')
    const { status, stdout, stderr } = machine.run(['scripts/setup.sh'], { NODE_EXTRA_CA_CERTS: '/nowhere.pem' })
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

  it.each(['0', '65536', '123456', '-1'])('rejects the port %s', (port) => {
    expect(machine.withFunctions('check_settings', { WEB_PORT: port }).stderr).toContain(`got '${port}'`)
  })

  it('accepts valid and missing settings', () => {
    const valid = { WEB_PORT: '65535', LOG_LEVEL: 'warn', NODE_IMAGE: 'registry.invalid:5000/node@sha256:ab' }
    expect(machine.withFunctions('check_settings', valid).status).toBe(0)
    expect(machine.withFunctions('check_settings').status).toBe(0)
  })
})
