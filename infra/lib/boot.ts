import { readFileSync } from 'node:fs'
import { UserData } from 'aws-cdk-lib/aws-ec2'

/** The settings of boot/boot.sh, explained in its header. */
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
  readonly memory: string
  readonly processes: string
  readonly secret: string
  readonly secret_gid: string
  readonly alarms: string
  readonly bake_seconds: string
  readonly environment: readonly string[]
}

const script = readFileSync(new URL('../boot/boot.sh', import.meta.url), 'utf8')

/** The boot script with its settings, as the user data of a launch template. @throws when a value has white space or a quote. */
export function bootScript(settings: BootSettings): UserData {
  const lines = Object.entries(settings).map(
    ([name, value]) =>
      `readonly ${name}=${typeof value === 'string' ? quote(value) : `(${value.map(quote).join(' ')})`}`,
  )
  return UserData.custom(script.replace('# @settings@', () => lines.join('\n')))
}

/** Quotes a name, an address or an ARN. systemd splits command lines at white space. */
function quote(value: string): string {
  if (/['\s]/.test(value))
    throw new Error(`invalid boot setting: got ${JSON.stringify(value)}, allowed are no spaces and no quotes`)
  return `'${value}'`
}
