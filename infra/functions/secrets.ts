import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager'

/** A database user's secret, in the form that RDS gives it. */
export interface DatabaseSecret {
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly dbname: string
  /** The secret of the user who may set this one's password; without it, the user sets its own. */
  readonly masterarn?: string
}

/** Which value of a secret: by default the current one. */
export interface Version {
  readonly VersionId?: string
  readonly VersionStage?: 'AWSCURRENT' | 'AWSPENDING'
}

/** @throws when there is no such value, or it is not a database user's. */
export async function readSecret(
  client: SecretsManagerClient,
  id: string,
  version: Version = { VersionStage: 'AWSCURRENT' },
): Promise<DatabaseSecret> {
  const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: id, ...version }))
  const secret = parse(SecretString)
  const missing = ['host', 'port', 'username', 'password', 'dbname'].filter((key) => !(key in secret))
  if (missing.length > 0) throw new Error(`${id}: the secret lacks ${missing.join(', ')}`)
  return secret as DatabaseSecret
}

/** A parser's own complaint would show the text. */
function parse(text = ''): object {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}
