import { globSync, readdirSync } from 'node:fs'
import { repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { read } from '../documents.ts'
import { useMachine } from './machine.ts'

const machine = useMachine()

describe('scripts/setup.sh', () => {
  it('names what is missing and how to get it on a machine without Docker and apt, and changes nothing', () => {
    const before = readdirSync(machine.checkout)
    const { status, stderr } = machine.run(['scripts/setup.sh'])
    expect(status).toBe(1)
    // The engine of the machine on which this runs counts.
    expect(stderr).toMatch(/Not installed: docker, (dockerd, )?compose, buildx\./)
    expect(stderr).toContain('https://docs.docker.com/engine/install/')
    expect(stderr).toContain('Nothing was changed.')
    expect(readdirSync(machine.checkout)).toEqual(before)
  })

  it('fails for an unknown part', () => {
    const { status, stderr } = machine.run(['scripts/setup.sh', 'engines'])
    expect(status).toBe(1)
    expect(stderr).toContain("Unknown part 'engines'.")
  })

  it.each([
    ['light', { npm_config_light: 'true', npm_lifecycle_event: 'start' }, 'npm run start -- --light'],
    ['to', { npm_config_to: 'true', npm_lifecycle_event: 'restore' }, 'npm run restore -- --to'],
    ['no-follow', { npm_config_follow: '', npm_lifecycle_event: 'logs' }, 'npm run logs -- --no-follow'],
    [
      'ignore-errors',
      { npm_config_ignore_errors: 'true', npm_lifecycle_event: 'deploy:local' },
      'npm run deploy:local -- --ignore-errors',
    ],
  ] as [string, Record<string, string>, string][])(
    'refuses --%s where npm has taken it for an option of its own',
    (option, environment, command) => {
      const { status, stdout, stderr } = machine.run(['scripts/setup.sh', 'dependencies'], environment)
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
      expect(stderr).toContain(`✗ npm has taken --${option} for an option of its own.`)
      expect(stderr).toContain(command)
    },
  )

  it('knows the options of every command', () => {
    const files = globSync('packages/*/src/**/*.ts', { cwd: repositoryRoot })
    const sources = files.map((file) => read(file)).filter((text) => text.includes('parseArgs('))
    const options = sources.flatMap((text) =>
      [...text.matchAll(/'?([a-z-]+)'?: \{ type: '(?:string|boolean)'/g)].map(([, name]) => name),
    )
    const [, known = ''] = /^readonly OPTIONS='(.*)'$/m.exec(read('scripts/setup/step.sh')) ?? []
    // npm has --yes, too. A command that lacks it asks, or fails.
    expect(known.split(' ').sort()).toEqual([...new Set([...options, 'light'])].filter((o) => o !== 'yes').sort())
  })

  it('fails without npm', () => {
    const { status, stderr } = machine.run(['scripts/setup.sh', 'dependencies'])
    expect(status).toBe(1)
    expect(stderr).toContain('npm is not installed.')
  })

  it.each(['v16.20.2', 'v18.20.8'])('fails first for Node %s, which is too old', (version) => {
    machine.fake('node', `echo ${version}`)
    const { status, stdout, stderr } = machine.run(['scripts/setup.sh'])
    expect(status).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain(`Node.js ${version} is too old; 20 or newer is needed.`)
    expect(stderr).toContain('https://nodejs.org/')
  })

  it.each([
    ['24.0.9', '2.19.0', 'Docker engine 24.0.9 is too old; 25.0 or newer is needed.'],
    ['20.10.24', '2.3.3', 'Docker engine 20.10.24 is too old; 25.0 or newer is needed.'],
    ['27.1.0', '2.19.1', 'Docker Compose 2.19.1 is too old; 2.20 or newer is needed.'],
  ])('fails for engine %s with Compose %s', (engine, compose, message) => {
    machine.fake(
      'docker',
      `case "$*" in
         version*) echo ${engine} ;;
         'compose version'*) echo ${compose} ;;
         compose*) echo 'unknown flag: --images' >&2; exit 1 ;;
       esac`,
    )
    const { status, stderr } = machine.run(['scripts/setup.sh', 'engine'])
    expect(status).toBe(1)
    expect(stderr).toContain(message)
    expect(stderr).toContain('https://docs.docker.com/engine/install/')
  })
})
