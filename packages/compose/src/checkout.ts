import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'

/** The folder with compose.yaml, the build context of every image. */
export const repositoryRoot: string = join(import.meta.dirname, '../../..')

const officialImages = {
  DEBIAN_IMAGE: 'debian:trixie-slim',
  NODE_IMAGE: 'node:26-trixie-slim',
  MYSQL_IMAGE: 'mysql:8.4',
} as const

/** The base image that Compose uses: from the environment, else from .env, else the official one. */
export function baseImage(name: keyof typeof officialImages): string {
  return setting(name) ?? officialImages[name]
}

/** The file with this machine's certificate authorities; an empty one if none is set. */
export const certificatesFile = (): string => setting('NODE_EXTRA_CA_CERTS') ?? '/dev/null'

/** From the environment, else from .env, in the order of Compose. */
function setting(name: string): string | undefined {
  const file = join(repositoryRoot, '.env')
  const settings = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}
  return process.env[name] || settings[name] || undefined
}
