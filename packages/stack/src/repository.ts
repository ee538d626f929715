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
  const file = join(repositoryRoot, '.env')
  const settings = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}
  return process.env[name] || settings[name] || officialImages[name]
}
