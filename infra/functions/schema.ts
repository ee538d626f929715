import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { migrate, parseMigrations } from '@repo/db'
import { readSecret } from './secrets.ts'

/** The custom resource's properties in the template. */
export interface SchemaProperties {
  /** Name of the SSM parameter that holds the migrations. */
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
 * Brings the schema up to date when the stack is created or its SQL changes. Deleting does nothing: the tables live and
 * die with their cluster. What was applied is recorded in the database, so that a retry or a rollback changes nothing.
 *
 * @throws when a statement fails, with the migration's name in the message; the deployment then fails with it.
 */
export async function handler(event: SchemaEvent): Promise<{ readonly PhysicalResourceId: string }> {
  const { Parameter, AdminSecret, AppSecret, Database, Table } = event.ResourceProperties
  // Never another one: CloudFormation would take that for a replacement, and delete the old.
  const PhysicalResourceId = event.PhysicalResourceId ?? 'schema'
  if (event.RequestType === 'Delete') return { PhysicalResourceId }

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
  return { PhysicalResourceId }
}

async function readParameter(name: string): Promise<string> {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: name }))
  return Parameter?.Value ?? ''
}
