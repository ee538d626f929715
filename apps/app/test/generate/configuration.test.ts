import { readFileSync } from 'node:fs'
import { migrationVariables } from '@repo/db'
import { describe, expect, it } from 'vitest'
import { configurationDocument } from '../../generate/configuration.ts'
import { variablesOf } from '../../src/config.ts'
import { resources } from '../../src/resources/index.ts'

const read = (file: string) => readFileSync(new URL(`../../../../${file}`, import.meta.url), 'utf8')
const variables: Record<string, { description?: string | undefined }> = {
  ...variablesOf(resources),
  ...migrationVariables,
}

describe('npm run configuration', () => {
  it('has been run since the schemas changed', () => {
    expect(read('docs/configuration.md')).toBe(configurationDocument())
  })

  it.each(Object.entries(variables))('describes %s', (_name, { description }) => {
    expect(description).toMatch(/^[A-Z].*\.$/)
  })

  it('describes each variable of compose.yaml for app and db-init', () => {
    const compose = read('compose.yaml')
    for (const service of ['app', 'db-init']) {
      const [, environment = ''] =
        new RegExp(`^  ${service}:\\n(?:    .*\\n)*?    environment:\\n((?:      .*\\n)+)`, 'm').exec(compose) ?? []
      const names = [...environment.matchAll(/^ {6}([A-Z_]+):/gm)].map(([, name]) => String(name))
      expect(names.length, service).toBeGreaterThan(5)
      for (const name of names) expect(Object.keys(variables), service).toContain(name)
    }
  })
})
