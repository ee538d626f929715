import { readFile } from 'node:fs/promises'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { migrate } from '@repo/db'
import { carriedMigrations } from './carried-migrations.ts'
import { FunctionError, withSafeErrors } from './errors.ts'
import { readSecret } from './secrets.ts'

/** The custom resource's properties in the template. */
export interface SchemaProperties {
  /** Name of the SSM parameter with the newest migrations. */
  readonly Parameter: string
  readonly AdminSecret: string
  readonly AppSecret: string
  readonly Database: string
  readonly Table: string
}

export interface SchemaEvent {
  readonly RequestType: 'Create' | 'Update' | 'Delete'
  readonly ResourceProperties: SchemaProperties
  /** Absent when the resource is being created. */
  readonly PhysicalResourceId?: string
}

/** What Lambda passes to a handler. */
export interface LambdaContext {
  getRemainingTimeInMillis(): number
}

/** For the caller to receive the error: its own time ends before this function's. */
const reserveMs = 60_000

const ssm = new SSMClient()
const secretsManager = new SecretsManagerClient()

/**
 * Applies the migrations when the stack is created or its SQL changes. The database records applied migrations, so
 * that a retry or a rollback changes nothing. Deleting the resource changes nothing: the cluster's deletion policy
 * applies to its tables.
 *
 * @throws {Error} without SQL and passwords when a migration fails or takes too long. The deployment then fails with its
 *   message.
 */
export async function handler(
  event: SchemaEvent,
  context: LambdaContext,
): Promise<{ readonly PhysicalResourceId: string }> {
  if (event.RequestType !== 'Delete') {
    const signal = AbortSignal.timeout(Math.max(0, context.getRemainingTimeInMillis() - reserveMs))
    await withSafeErrors(event.RequestType, () =>
      Promise.race([applyMigrations(event.ResourceProperties, signal), failAt(signal)]),
    )
  }
  // CloudFormation takes another id for a replacement, and deletes the previous resource.
  return { PhysicalResourceId: event.PhysicalResourceId ?? 'schema' }
}

function failAt(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () =>
      reject(
        new FunctionError(
          'the migrations take longer than a deployment may. The database may complete the one in progress. ' +
            'See "A migration that takes long" in docs/runbook.md',
        ),
      ),
    )
  })
}

async function applyMigrations(properties: SchemaProperties, signal: AbortSignal): Promise<void> {
  const { Parameter, AdminSecret, AppSecret, Database, Table } = properties
  const [text, bundled, admin, app] = await Promise.all([
    readParameter(Parameter),
    readFile(new URL('migrations.json', import.meta.url), 'utf8'),
    readSecret(secretsManager, AdminSecret),
    readSecret(secretsManager, AppSecret),
  ])
  const { applied } = await migrate({
    connection: {
      host: admin.host,
      port: admin.port,
      user: admin.username,
      password: admin.password,
      tlsCa: process.env.DB_TLS_CA,
    },
    database: Database,
    placeholders: { table: Table },
    migrations: carriedMigrations(text, JSON.parse(bundled)),
    appUser: { name: app.username, password: app.password },
    // A serverless database that was paused for more than a day takes half a minute or longer to start.
    connectWaitMs: 120_000,
    signal,
  })
  console.log(JSON.stringify({ applied }))
}

async function readParameter(name: string): Promise<string> {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: name }))
  return Parameter?.Value ?? ''
}
