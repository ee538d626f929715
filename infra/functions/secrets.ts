import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { FunctionError } from './errors.ts'

/** A database user's secret in RDS's form. */
export interface DatabaseSecret {
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly dbname: string
  /** The secret of the user that sets this user's password. Without it, the user sets its own. */
  readonly masterarn?: string
}

/** A value of a secret. */
export interface Version {
  readonly VersionId?: string
  readonly VersionStage?: 'AWSCURRENT' | 'AWSPENDING'
}

/** Reads a value of a secret, by default the current one. @throws when it does not exist or is not a database user's. */
export async function readSecret(
  client: SecretsManagerClient,
  id: string,
  version: Version = { VersionStage: 'AWSCURRENT' },
): Promise<DatabaseSecret> {
  const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: id, ...version }))
  const secret = parse(SecretString)
  const missing = ['host', 'port', 'username', 'password', 'dbname'].filter((key) => !(key in secret))
  if (missing.length > 0) throw new FunctionError(`${id}: missing ${missing.join(', ')}`)
  return secret as DatabaseSecret
}

/** Without the parser's error, which quotes the text. */
function parse(text = ''): object {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}
