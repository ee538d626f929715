import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { migrate, parseMigrations } from '@repo/db'
import { withSafeErrors } from './errors.ts'
import { readSecret } from './secrets.ts'

/** The custom resource's properties in the template. */
export interface SchemaProperties {
  /** Name of the SSM parameter with the migrations. */
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

const ssm = new SSMClient()
const secretsManager = new SecretsManagerClient()

/**
 * Applies the migrations when the stack is created or its SQL changes. The database records applied migrations, so
 * that a retry or a rollback changes nothing. Deleting the resource changes nothing: the cluster's deletion policy
 * applies to its tables.
 *
 * @throws {Error} without SQL and passwords when a migration fails. The deployment then fails with its message.
 */
export async function handler(event: SchemaEvent): Promise<{ readonly PhysicalResourceId: string }> {
  if (event.RequestType !== 'Delete') {
    await withSafeErrors(event.RequestType, () => applyMigrations(event.ResourceProperties))
  }
  // CloudFormation takes another id for a replacement, and deletes the previous resource.
  return { PhysicalResourceId: event.PhysicalResourceId ?? 'schema' }
}

async function applyMigrations(properties: SchemaProperties): Promise<void> {
  const { Parameter, AdminSecret, AppSecret, Database, Table } = properties
  const [sql, admin, app] = await Promise.all([
    readParameter(Parameter),
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
    migrations: parseMigrations(sql),
    appUser: { name: app.username, password: app.password },
  })
  console.log(JSON.stringify({ applied }))
}

async function readParameter(name: string): Promise<string> {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: name }))
  return Parameter?.Value ?? ''
}
