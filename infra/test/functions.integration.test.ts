import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { startMysql, type TestMysql } from '@repo/compose/testing'
import { connect, type Migration, serializeMigrations } from '@repo/db'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RotationEvent } from '../functions/rotation.ts'
import type { SchemaEvent } from '../functions/schema.ts'
import { StandIn } from './aws.ts'
import { bundledFunctions } from './synthesis.ts'

/** Like Aurora's master user, it may create users and grant its own privileges. */
const admin = { username: 'admin', password: 'first-admin-password' }
const app = { username: 'visitor', password: 'first-app-password' }

let aws: StandIn
let mysql: TestMysql
let ssm: SSMClient
let secretsManager: SecretsManagerClient
let schema: (event: SchemaEvent) => Promise<{ readonly PhysicalResourceId: string }>
let rotation: (event: RotationEvent) => Promise<void>
let secrets: { readonly AdminSecret: string; readonly AppSecret: string }

beforeAll(async () => {
  aws = await StandIn.start()
  mysql = await startMysql()
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: await aws.endpoint(),
    AWS_REGION: 'ap-northeast-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  })
  ssm = new SSMClient()
  secretsManager = new SecretsManagerClient()
  const bundles = bundledFunctions()
  schema = await load(bundles, 'DataSchemaFunction')
  rotation = await load(bundles, 'DataRotationFunction')

  await mysql.sql(`CREATE USER ${admin.username} IDENTIFIED BY '${admin.password}'`)
  await mysql.sql(`GRANT ALL ON *.* TO ${admin.username} WITH GRANT OPTION`)
  const AdminSecret = await createSecret(admin)
  secrets = { AdminSecret, AppSecret: await createSecret({ ...app, masterarn: AdminSecret }) }
})
afterAll(async () => {
  await mysql?.[Symbol.asyncDispose]()
  await aws?.[Symbol.asyncDispose]()
})

/** The handler of a bundle, loaded as Lambda does. */
async function load(bundles: Readonly<Record<string, string>>, prefix: string) {
  const [, folder = ''] = Object.entries(bundles).find(([id]) => id.startsWith(prefix)) ?? []
  return (await import(pathToFileURL(join(folder, 'index.mjs')).href)).handler
}

/** A secret in RDS's form. */
async function createSecret(user: object): Promise<string> {
  const { host, port, database: dbname } = mysql
  const SecretString = JSON.stringify({ host, port, dbname, engine: 'mysql', ...user })
  const { ARN = '' } = await secretsManager.send(new CreateSecretCommand({ Name: randomUUID(), SecretString }))
  return ARN
}

async function putMigrations(migrations: readonly Migration[]): Promise<string> {
  const Name = randomUUID()
  await ssm.send(new PutParameterCommand({ Name, Type: 'String', Value: serializeMigrations(migrations) }))
  return Name
}

/** Calls the custom resource's function with these migrations. */
async function callSchema(
  RequestType: SchemaEvent['RequestType'],
  migrations: readonly Migration[],
  properties: Partial<SchemaEvent['ResourceProperties']> = {},
) {
  const Parameter = await putMigrations(migrations)
  return schema({
    RequestType,
    ...(RequestType === 'Create' ? {} : { PhysicalResourceId: 'schema' }),
    ResourceProperties: { Parameter, ...secrets, Database: mysql.database, Table: 'testtable', ...properties },
  })
}

async function canSignIn(user: { readonly username: string; readonly password: string }): Promise<boolean> {
  try {
    const { host, port } = mysql
    const connection = await connect({ host, port, user: user.username, password: user.password }, 5000)
    connection.end()
    return true
  } catch (error) {
    if (Object(error).code === 'ER_ACCESS_DENIED_ERROR') return false
    throw error
  }
}

const first = [
  {
    name: '0001_create',
    sql: '-- App user: SELECT, INSERT ON {{table}}\nCREATE TABLE {{table}} (id INT)',
  },
]
const second = { name: '9000_note', sql: '-- App user: nothing ON note\nCREATE TABLE note (text VARCHAR(10))' }
const broken = { name: '9001_broken', sql: `CREATE TABEL oops (note TEXT) COMMENT '${'sentinel '.repeat(300)}'` }

/** Everything that can be printed of an error: Lambda prints the message, the stack and the enumerable properties. */
async function printedFailure(call: Promise<unknown>): Promise<string> {
  const failure = await call.then(
    () => expect.unreachable('the call succeeded'),
    (error: unknown) => error,
  )
  expect(failure).toBeInstanceOf(Error)
  return inspect(failure, { showHidden: true, depth: null, maxStringLength: null })
}

describe('the schema function', () => {
  it('creates the table and the app user with its privileges', async () => {
    expect(await callSchema('Create', first)).toEqual({ PhysicalResourceId: 'schema' })
    expect(await mysql.sql('SHOW TABLES')).toBe('schema_migrations\ntesttable\nunfinished_migrations')
    expect(await mysql.sql(`SHOW GRANTS FOR ${app.username}`)).toBe(
      'GRANT USAGE ON *.* TO `visitor`@`%`\nGRANT SELECT, INSERT ON `testdb`.`testtable` TO `visitor`@`%`',
    )
    expect(await canSignIn(app)).toBe(true)
  })

  it('changes nothing when it is called again', async () => {
    await mysql.sql('INSERT INTO testtable VALUES (1)')
    expect(await callSchema('Create', first)).toEqual({ PhysicalResourceId: 'schema' })
    expect(await mysql.sql('SELECT COUNT(*) FROM testtable')).toBe('1')
  })

  it('applies an added migration once', async () => {
    expect(await callSchema('Update', [...first, second])).toEqual({ PhysicalResourceId: 'schema' })
    expect(await callSchema('Update', [...first, second])).toEqual({ PhysicalResourceId: 'schema' })
    expect(await mysql.sql('SELECT name FROM schema_migrations')).toBe('0001_create\n9000_note')
  })

  it('fails with the name of a failed migration and the reason, without SQL and passwords', async () => {
    const printed = await printedFailure(callSchema('Update', [...first, second, broken]))
    expect(printed).toMatch(/^Error: Update: MigrationError: 9001_broken: .*ER_PARSE_ERROR/)
    expect(printed).not.toMatch(/TABEL|oops|sentinel|password/i)
  })

  it('leaves the database unchanged when an update is rolled back', async () => {
    expect(await callSchema('Update', first)).toEqual({ PhysicalResourceId: 'schema' })
    expect(await mysql.sql('SELECT name FROM schema_migrations')).toBe('0001_create\n9000_note')
  })

  it('fails for a wrong password without printing it', async () => {
    const AdminSecret = await createSecret({ ...admin, password: 'hunter2' })
    const printed = await printedFailure(callSchema('Update', first, { AdminSecret }))
    expect(printed).toContain('Error: Update: ER_ACCESS_DENIED_ERROR')
    expect(printed).not.toMatch(/hunter2|SELECT|GRANT/)
  })

  it('fails for an incomplete secret without printing its values', async () => {
    const AppSecret = await createSecret({ password: undefined, username: 'hunter2' })
    const printed = await printedFailure(callSchema('Update', first, { AppSecret }))
    expect(printed).toContain(`${AppSecret}: missing password`)
    expect(printed).not.toContain('hunter2')
  })

  it('fails with the name of an error of AWS', async () => {
    const printed = await printedFailure(callSchema('Update', first, { AppSecret: 'unknown' }))
    expect(printed).toContain('Error: Update: ResourceNotFoundException')
  })

  it('leaves the tables unchanged when the stack is deleted', async () => {
    expect(await callSchema('Delete', first)).toEqual({ PhysicalResourceId: 'schema' })
    expect(await mysql.sql('SELECT COUNT(*) FROM testtable')).toBe('1')
  })
})

describe('the rotation function', () => {
  const steps = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const

  /** Runs the steps of Secrets Manager, each twice, as Secrets Manager does after a lost response. */
  async function rotate(SecretId: string): Promise<void> {
    const ClientRequestToken = randomUUID()
    for (const Step of steps) {
      await rotation({ Step, SecretId, ClientRequestToken })
      await rotation({ Step, SecretId, ClientRequestToken })
    }
  }

  async function version(
    SecretId: string,
    VersionStage: 'AWSCURRENT' | 'AWSPENDING',
  ): Promise<{ readonly username: string; readonly password: string }> {
    const { SecretString = '' } = await secretsManager.send(new GetSecretValueCommand({ SecretId, VersionStage }))
    return JSON.parse(SecretString)
  }

  it.each(['AppSecret', 'AdminSecret'] as const)(
    'gives the user of %s a new password, and the previous one stays valid until the next rotation',
    async (name) => {
      const before = await version(secrets[name], 'AWSCURRENT')
      await rotate(secrets[name])
      const next = await version(secrets[name], 'AWSCURRENT')
      expect(next).toEqual({ ...before, password: expect.stringMatching(/^[A-Za-z0-9]{32}$/) })
      expect(await Promise.all([before, next].map(canSignIn))).toEqual([true, true])

      await rotate(secrets[name])
      const last = await version(secrets[name], 'AWSCURRENT')
      expect(await Promise.all([before, next, last].map(canSignIn))).toEqual([false, true, true])
    },
  )

  it('keeps the current password when the new one cannot be set', async () => {
    const password = 'current-password'
    const unknownUser = await createSecret({ username: 'nobody', password, masterarn: secrets.AdminSecret })
    const printed = await printedFailure(rotate(unknownUser))
    expect(await version(unknownUser, 'AWSCURRENT')).toMatchObject({ password })

    const pending = await version(unknownUser, 'AWSPENDING')
    expect(printed).toContain('Error: setSecret: ER_CANNOT_USER')
    expect(printed).not.toMatch(new RegExp(`${password}|${pending.password}|nobody|ALTER USER`))
    const { VersionIdsToStages = {} } = await secretsManager.send(new DescribeSecretCommand({ SecretId: unknownUser }))
    expect(Object.values(VersionIdsToStages).flat().sort()).toEqual(['AWSCURRENT', 'AWSPENDING'])
  })
})
