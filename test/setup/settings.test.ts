import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { read } from '../documents.ts'
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

  it('leaves what only Compose can read to the time when there is one', () => {
    writeSettings(`WEB_PORT=\${PORT:-8081}\nMYSQL_IMAGE="\${REGISTRY}/mysql"\nNODE_EXTRA_CA_CERTS=$HOME/ca.pem\n`)
    expect(machine.withFunctions('check_settings').status).toBe(0)
    expect(machine.withFunctions('setting WEB_PORT; setting MYSQL_IMAGE').stdout).toBe('')
  })

  it('reads a colon as Compose does, a dollar between apostrophes as one, and prefers an empty environment', () => {
    writeSettings("WEB_PORT: 8081\nNODE_IMAGE='a$b'\nMYSQL_IMAGE=mine:1\n")
    expect(machine.withFunctions('setting WEB_PORT').stdout.trim()).toBe('8081')
    expect(machine.withFunctions('setting NODE_IMAGE').stdout.trim()).toBe('a$b')
    expect(machine.withFunctions('setting MYSQL_IMAGE', { MYSQL_IMAGE: '' }).stdout).toBe('')
  })
})

const [, levels = ''] = /^\| `LOG_LEVEL` \| one of ([a-z, ]+) \|/m.exec(read('docs/configuration.md')) ?? []

/** Values of each setting that are accepted, and values that are not. */
const values: Readonly<Record<string, readonly [valid: readonly string[], invalid: readonly string[]]>> = {
  COMPOSE_PROJECT_NAME: [
    ['shop', '2nd-shop_x'],
    ['My Shop', 'Shop', '-shop', 'shop.one', 'café'],
  ],
  WEB_PORT: [
    ['1', '80', '9999', '65535'],
    ['0', '65536', '123456', '-1', '80a', '8080 ', '0x50', '080', '8080:80'],
  ],
  WEB_ADDRESS: [
    ['0.0.0.0', '192.168.1.255', '[::1]', '[::]'],
    ['256.0.0.1', '10.0.0', '::1', 'localhost', '*', '10.0.0.1:80'],
  ],
  WEB_COUNT: [
    ['1', '9', '16'],
    ['0', '17', 'two', '-1', '2.5', '1e1', '02'],
  ],
  APP_COUNT: [
    ['1', '10', '16'],
    ['0', '100', 'many', '+2', '2 3'],
  ],
  PROMETHEUS_PORT: [['9091'], ['http', '70000', '9091-9099']],
  DEBUG_PORT: [['9229'], ['0', '127.0.0.1:9229']],
  PULL_POLICY: [
    ['build', 'missing'],
    ['Build', 'always', 'never', 'true'],
  ],
  LOG_LEVEL: [levels.split(', '), ['loud', 'INFO', 'warning', 'info,warn', '3']],
  OTEL_EXPORTER_OTLP_ENDPOINT: [
    ['http://collector:4318', 'https://collector.invalid/v1'],
    ['collector:4318', 'grpc://collector', 'http://a b'],
  ],
  DEBIAN_IMAGE: [['debian:trixie-slim'], ['debian trixie', '$(id)']],
  NODE_IMAGE: [['registry.invalid:5000/node@sha256:ab'], ['node;26']],
  MYSQL_IMAGE: [['mysql:8.4'], ['a b', 'mysql"8.4']],
  NODE_EXTRA_CA_CERTS: [['/dev/null'], ['/nowhere.pem', '~/ca.pem', '/dev/fd/0,1']],
}

/** An environment with one value of each setting, until there are no more; the shorter lists begin again. */
function environments(kind: 0 | 1): Record<string, string>[] {
  const lists = Object.entries(values).map(([name, lists]) => [name, lists[kind]] as const)
  const rounds = Math.max(...lists.map(([, list]) => list.length))
  return Array.from({ length: rounds }, (_, round) =>
    Object.fromEntries(lists.map(([name, list]) => [name, String(list[round % list.length])])),
  )
}

describe('check_settings', () => {
  it('knows every setting of .env.example', () => {
    const names = [...read('.env.example').matchAll(/^#([A-Z_]+)=/gm)].map(([, name]) => name)
    expect(names.sort()).toEqual(Object.keys(values).sort())
  })

  it.each(environments(1))(
    'names each invalid setting, its value and what it may be, before anything is done: %j',
    (given) => {
      const { status, stdout, stderr } = machine.run(['scripts/setup.sh'], given)
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
      const lines = stderr.split('\n').filter((line) => line.includes(': expected '))
      expect(lines).toHaveLength(Object.keys(given).length)
      for (const [name, value] of Object.entries(given)) {
        expect(
          lines.some((line) => line.startsWith(`  ${name}: expected `) && line.endsWith(`, got '${value}'`)),
          name,
        ).toBe(true)
      }
    },
  )

  it('reads them from .env, too', () => {
    writeSettings('WEB_COUNT=two\nMYSQL_IMAGE="a b"\n')
    const { status, stderr } = machine.run(['scripts/start.sh'])
    expect(status).toBe(1)
    expect(stderr).toContain("  WEB_COUNT: expected a number from 1 to 16, got 'two'\n")
    expect(stderr).toContain("got 'a b'\n")
  })

  it.each([
    ...['1', 'true', 'T', 'yes', ''].map((value) => ({ COMPOSE_DISABLE_ENV_FILE: value })),
    ...['other.env', 'a.env,b.env', '/elsewhere/.env'].map((files) => ({ COMPOSE_ENV_FILES: files })),
  ] as Record<string, string>[])('refuses an .env that Compose would not read: %j', (environment) => {
    writeSettings('NODE_IMAGE=local/node:26\n')
    const { status, stdout, stderr } = machine.run(['scripts/setup.sh'], environment)
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    const [[name, value] = []] = Object.entries(environment)
    expect(stderr).toContain(
      `✗ Compose does not read .env with ${name}=${value}, and it has settings of this checkout.`,
    )
    expect(stderr).toContain(`unset ${name}`)
  })

  it.each([
    ...['0', 'f', 'False'].map((value) => ({ COMPOSE_DISABLE_ENV_FILE: value })),
    ...['.env', './.env', 'other.env,.env'].map((files) => ({ COMPOSE_ENV_FILES: files })),
    // These files come before the other variable.
    { COMPOSE_ENV_FILES: '.env', COMPOSE_DISABLE_ENV_FILE: '1' },
    { COMPOSE_ENV_FILES: '' },
  ] as Record<string, string>[])('accepts an .env that Compose reads: %j', (environment) => {
    writeSettings('WEB_PORT=8081\n')
    expect(machine.withFunctions('check_settings', environment)).toMatchObject({ status: 0, stdout: '' })
  })

  it('needs no .env, until the set-up has to write one', () => {
    const environment = { COMPOSE_DISABLE_ENV_FILE: '1' }
    expect(machine.withFunctions('check_settings', environment).status).toBe(0)
    const { status, stderr } = machine.withFunctions('append_setting NODE_IMAGE local/node:26 why', environment)
    expect(status).toBe(1)
    expect(stderr).toContain('unset COMPOSE_DISABLE_ENV_FILE')
  })

  it.each([{}, ...environments(0)])('accepts valid and missing settings: %j', (given) => {
    expect(machine.withFunctions('check_settings', given)).toMatchObject({ status: 0, stdout: '' })
  })
})
