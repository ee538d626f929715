import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'

/** The folder that holds compose.yaml; every image is built with it as the context. */
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

/** The file with the machine's own certificate authorities; an empty one where there are none. */
export const certificatesFile = (): string => setting('NODE_EXTRA_CA_CERTS') ?? '/dev/null'

/** From the environment, else from .env, as Compose takes it. */
function setting(name: string): string | undefined {
  const file = join(repositoryRoot, '.env')
  const settings = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}
  return process.env[name] || settings[name] || undefined
}
