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

describe('debian_mirror', () => {
  it('can be set', () => {
    const environment = { DEBIAN_MIRROR: 'http://mirror.invalid/debian' }
    expect(machine.withFunctions('debian_mirror main', environment).stdout).toBe('http://mirror.invalid/debian')
  })
})
