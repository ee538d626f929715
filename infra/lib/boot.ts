import { readFileSync } from 'node:fs'
import { UserData } from 'aws-cdk-lib/aws-ec2'

/** What boot/boot.sh is told; its head explains each. */
export interface BootSettings {
  readonly tier: string
  readonly region: string
  readonly stack: string
  readonly group: string
  readonly target_group: string
  readonly image: string
  readonly port: string
  readonly health_path: string
  readonly log_group: string
  readonly stop_seconds: string
  readonly secret: string
  readonly reader: string
  readonly environment: readonly string[]
}

const script = readFileSync(new URL('../boot/boot.sh', import.meta.url), 'utf8')

/** The boot script with its settings, as the user data of a launch template. */
export function bootScript(settings: BootSettings): UserData {
  const lines = Object.entries(settings).map(
    ([name, value]) =>
      `readonly ${name}=${typeof value === 'string' ? quoted(value) : `(${value.map(quoted).join(' ')})`}`,
  )
  return UserData.custom(script.replace('# @settings@', () => lines.join('\n')))
}

/** Names, addresses and ARNs; systemd splits the command line at white space. */
function quoted(value: string): string {
  if (/['\s]/.test(value))
    throw new Error(`no boot setting: got ${JSON.stringify(value)}, allowed is no space or quote`)
  return `'${value}'`
}
