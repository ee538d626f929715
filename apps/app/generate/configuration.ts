// `npm run configuration`: writes docs/configuration.md.
import { writeFileSync } from 'node:fs'
import { expectation, migrationVariables } from '@repo/db'
import type { z } from 'zod'
import { variablesOf } from '../src/config.ts'
import { resources } from '../src/resources/index.ts'

/** The document on the environment variables of the app and of db-init. */
export function configurationDocument(): string {
  return `# Configuration

<!-- Generated from the schemas by \`npm run configuration\`. -->

Each process reads its environment once, at its start. It reports every problem at once and exits with status 1. An empty
variable counts as unset. Both processes need exactly one of \`DB_PASSWORD\` and \`DB_PASSWORD_FILE\`.

\`compose.yaml\` and \`infra/lib/app-tier.ts\` set these variables for the containers. [.env.example](../.env.example) lists the
variables of Compose itself.

## app

${table(variablesOf(resources))}

## db-init

${table(migrationVariables)}
`
}

function table(shape: z.ZodRawShape): string {
  const rows = Object.entries(shape).map(([name, schema]) => row(name, schema as z.ZodType))
  return ['| variable | values | unit | default | description |', '| --- | --- | --- | --- | --- |', ...rows].join('\n')
}

function row(name: string, schema: z.ZodType): string {
  const optional = schema.safeParse(undefined)
  const byDefault = optional.success ? (optional.data === undefined ? 'unset' : `\`${optional.data}\``) : 'required'
  const unit = name.endsWith('_MS') ? 'ms' : ''
  return `| \`${name}\` | ${expectation(schema)} | ${unit} | ${byDefault} | ${schema.description} |`
}

if (import.meta.main) {
  writeFileSync(new URL('../../../docs/configuration.md', import.meta.url), configurationDocument())
}
