import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

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

let resolved: Readonly<Record<string, string>> | undefined

/** As Compose reads the environment and .env; asked once. With an image per setting, it prints their values. */
function setting(name: string): string | undefined {
  const names = [...Object.keys(officialImages), 'NODE_EXTRA_CA_CERTS']
  resolved ??= Object.fromEntries(
    execFileSync('docker', ['compose', '--file', '-', '--project-directory', '.', 'config', '--images'], {
      cwd: repositoryRoot,
      encoding: 'utf8',
      input: JSON.stringify({
        name: 'settings',
        services: Object.fromEntries(names.map((each) => [each, { image: `${each}=\${${each}:-}` }])),
      }),
    })
      .split('\n')
      .map((line) => line.split(/=(.*)/, 2)),
  )
  return resolved?.[name] || undefined
}
