import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'

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
export const certificatesFile = (): string => resolve(repositoryRoot, setting('NODE_EXTRA_CA_CERTS') ?? '/dev/null')

/** In the order in which Compose looks for them; it reads the first that there is. */
export const overrideFiles = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
] as const

/** The files that Compose reads in a checkout: those of COMPOSE_FILE, else compose.yaml and what a user adds to it. */
export function composeFiles(folder = repositoryRoot): readonly string[] {
  const files = setting('COMPOSE_FILE')
  if (files !== undefined) return files.split(setting('COMPOSE_PATH_SEPARATOR') ?? delimiter)
  const override = overrideFiles.find((file) => existsSync(join(folder, file)))
  return override === undefined ? ['compose.yaml'] : ['compose.yaml', override]
}

let fromFile: Readonly<Record<string, string>> | undefined

/** As Compose has it: from the environment, else from .env. */
function setting(name: string): string | undefined {
  if (name in process.env) return process.env[name] || undefined
  fromFile ??= readSettings()
  return fromFile[name] || undefined
}

/** Only Compose reads .env as Compose does: with an image per setting, it prints their values. Without Docker: none. */
function readSettings(): Readonly<Record<string, string>> {
  if (!existsSync(join(repositoryRoot, '.env'))) return {}
  const names = [...Object.keys(officialImages), 'NODE_EXTRA_CA_CERTS', 'COMPOSE_FILE', 'COMPOSE_PATH_SEPARATOR']
  const { stdout, error, status } = spawnSync(
    'docker',
    ['compose', '--file', '-', '--project-directory', '.', 'config', '--images'],
    {
      cwd: repositoryRoot,
      encoding: 'utf8',
      input: JSON.stringify({
        name: 'settings',
        services: Object.fromEntries(names.map((each) => [each, { image: `${each}=\${${each}:-}` }])),
      }),
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  if (error && 'code' in error && error.code === 'ENOENT') return {}
  if (status !== 0) throw new Error('Compose cannot read the settings in .env')
  return Object.fromEntries(stdout.split('\n').map((line) => line.split(/=(.*)/, 2)))
}
