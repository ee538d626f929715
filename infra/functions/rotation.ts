import {
  DescribeSecretCommand,
  GetRandomPasswordCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager'
import { connect, query } from '@repo/db'
import { withSafeErrors } from './errors.ts'
import { type DatabaseSecret, readSecret } from './secrets.ts'

/** https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html */
export interface RotationEvent {
  readonly Step: 'createSecret' | 'setSecret' | 'testSecret' | 'finishSecret'
  readonly SecretId: string
  /** Version of the new value. */
  readonly ClientRequestToken: string
}

const client = new SecretsManagerClient()

/**
 * Runs one step of a rotation. Secrets Manager calls the four steps in order, and repeats a failed one. The server
 * accepts the previous password until the next rotation, for clients that still use it.
 *
 * @throws {Error} without SQL and passwords when the step fails. The current password then stays current.
 */
export async function handler({ Step, SecretId, ClientRequestToken }: RotationEvent): Promise<void> {
  return withSafeErrors(Step, () => steps[Step](SecretId, ClientRequestToken))
}

const steps = {
  createSecret: createPending,
  setSecret: setPassword,
  testSecret: async (id, version) => signIn(await readPending(id, version)),
  finishSecret: makeCurrent,
} satisfies Record<RotationEvent['Step'], (id: string, version: string) => Promise<void>>

async function createPending(id: string, version: string): Promise<void> {
  const current = await readSecret(client, id)
  try {
    await readPending(id, version)
  } catch (error) {
    if (!(error instanceof ResourceNotFoundException)) throw error
    const { RandomPassword } = await client.send(
      new GetRandomPasswordCommand({ PasswordLength: 32, ExcludePunctuation: true }),
    )
    await client.send(
      new PutSecretValueCommand({
        SecretId: id,
        ClientRequestToken: version,
        SecretString: JSON.stringify({ ...current, password: RandomPassword }),
        VersionStages: ['AWSPENDING'],
      }),
    )
  }
}

async function setPassword(id: string, version: string): Promise<void> {
  const pending = await readPending(id, version)
  // Setting it twice would discard the previous password.
  if (await isAccepted(pending)) return
  const current = await readSecret(client, id)
  const admin = current.masterarn ? await readSecret(client, current.masterarn) : current
  const connection = await open(admin)
  try {
    // https://dev.mysql.com/doc/refman/8.4/en/password-management.html#dual-passwords
    await query(connection, 'ALTER USER ? IDENTIFIED BY ? RETAIN CURRENT PASSWORD', [
      pending.username,
      pending.password,
    ])
  } finally {
    connection.end()
  }
}

async function makeCurrent(id: string, version: string): Promise<void> {
  const { VersionIdsToStages = {} } = await client.send(new DescribeSecretCommand({ SecretId: id }))
  const current = Object.keys(VersionIdsToStages).find((candidate) =>
    VersionIdsToStages[candidate]?.includes('AWSCURRENT'),
  )
  if (current === version) return
  await client.send(
    new UpdateSecretVersionStageCommand({
      SecretId: id,
      VersionStage: 'AWSCURRENT',
      MoveToVersionId: version,
      RemoveFromVersionId: current,
    }),
  )
}

function readPending(id: string, version: string): Promise<DatabaseSecret> {
  return readSecret(client, id, { VersionId: version, VersionStage: 'AWSPENDING' })
}

async function isAccepted(secret: DatabaseSecret): Promise<boolean> {
  try {
    await signIn(secret)
    return true
  } catch (error) {
    if (Object(error).code === 'ER_ACCESS_DENIED_ERROR') return false
    throw error
  }
}

async function signIn(secret: DatabaseSecret): Promise<void> {
  const connection = await open(secret)
  connection.end()
}

function open({ host, port, username, password }: DatabaseSecret) {
  return connect({ host, port, user: username, password, tlsCa: process.env.DB_TLS_CA }, 10_000)
}
