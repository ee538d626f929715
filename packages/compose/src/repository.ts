import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'

/** The folder that holds compose.yaml; every build has it as its context. */
export const repositoryRoot: string = join(import.meta.dirname, '../../..')

const officialImages = {
  DEBIAN_IMAGE: 'debian:trixie-slim',
  NODE_IMAGE: 'node:26-trixie-slim',
  MYSQL_IMAGE: 'mysql:8.4',
} as const

/** The base image that Compose would take: from the environment, else from .env, else the official one. */
export function baseImage(name: keyof typeof officialImages): string {
  return setting(name) ?? officialImages[name]
}

/** The secret of the recipes, for `docker build`: the certificate authorities that the machine has of its own, if any. */
export const authoritiesSecret = (): string => `--secret=id=ca,src=${setting('NODE_EXTRA_CA_CERTS') ?? '/dev/null'}`

/** As Compose would take it: from the environment, else from .env. */
function setting(name: string): string | undefined {
  const file = join(repositoryRoot, '.env')
  const settings = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}
  return process.env[name] || settings[name] || undefined
}
