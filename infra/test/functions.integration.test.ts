import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { startMysql, type TestMysql } from '@repo/compose'
import { connect, loadMigrations, type Migration, serializeMigrations } from '@repo/db'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RotationEvent } from '../functions/rotation.ts'
import type { SchemaEvent } from '../functions/schema.ts'
import { StandIn } from './aws.ts'
import { bundledFunctions } from './synthesis.ts'

/** Aurora's master user: not root, but may make users and give away what it has. */
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
  const AdminSecret = await makeSecret(admin)
  secrets = { AdminSecret, AppSecret: await makeSecret({ ...app, masterarn: AdminSecret }) }
})
afterAll(async () => {
  await mysql?.[Symbol.asyncDispose]()
  await aws?.[Symbol.asyncDispose]()
})

/** The handler of a bundle, as Lambda would load it. */
async function load(bundles: Readonly<Record<string, string>>, prefix: string) {
  const [, folder = ''] = Object.entries(bundles).find(([id]) => id.startsWith(prefix)) ?? []
  return (await import(pathToFileURL(join(folder, 'index.mjs')).href)).handler
}

/** A secret as RDS fills it in. */
async function makeSecret(user: object): Promise<string> {
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

/** Runs the custom resource's function with these migrations. */
async function change(
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

const first = (await loadMigrations()).slice(0, 1)
const second = { name: '9000_note', sql: '-- App user: nothing ON note\nCREATE TABLE note (text VARCHAR(10))' }
const broken = { name: '9001_broken', sql: 'CREATE TABEL oops (id INT)' }

describe('the schema function', () => {
  it('makes the table, and the user who may read and add rows, no more', async () => {
    expect(await change('Create', first)).toEqual({ PhysicalResourceId: 'schema' })
    expect(await mysql.sql('SHOW TABLES')).toBe('schema_migrations\ntesttable')
    expect(await mysql.sql(`SHOW GRANTS FOR ${app.username}`)).toBe(
      'GRANT USAGE ON *.* TO `visitor`@`%`\nGRANT SELECT, INSERT ON `testdb`.`testtable` TO `visitor`@`%`',
    )
    expect(await canSignIn(app)).toBe(true)
  })

  it('changes nothing when it is called again', async () => {
    await mysql.sql("INSERT INTO testtable (dt) VALUES ('2026-11-22 09:33:53')")
    expect(await change('Create', first)).toEqual({ PhysicalResourceId: 'schema' })
    expect(await mysql.sql('SELECT COUNT(*) FROM testtable')).toBe('1')
  })

  it('applies what an update adds, once', async () => {
    expect(await change('Update', [...first, second])).toEqual({ PhysicalResourceId: 'schema' })
    expect(await change('Update', [...first, second])).toEqual({ PhysicalResourceId: 'schema' })
    expect(await mysql.sql('SELECT name FROM schema_migrations')).toBe('0001_create_times\n9000_note')
  })

  it('fails with the statement of a migration that fails, and without a password', async () => {
    const failure = await change('Update', [...first, second, broken]).catch((error: Error) => error)
    expect(failure).toBeInstanceOf(Error)
    expect(String(failure)).toContain('9001_broken')
    expect(String(failure)).toContain('CREATE TABEL oops (id INT)')
    expect(String(failure)).not.toMatch(/password/)
  })

  it('rolls back to the migrations of before by leaving the database as it is', async () => {
    expect(await change('Update', first)).toEqual({ PhysicalResourceId: 'schema' })
    expect(await mysql.sql('SELECT name FROM schema_migrations')).toBe('0001_create_times\n9000_note')
  })

  it('fails with a wrong password, and does not show it', async () => {
    const AdminSecret = await makeSecret({ ...admin, password: 'hunter2' })
    const failure = await change('Update', first, { AdminSecret }).catch((error: Error) => error)
    expect(String(failure)).toContain("Access denied for user 'admin'")
    expect(String(failure)).not.toContain('hunter2')
  })

  it('fails with what a secret lacks, and does not show the rest', async () => {
    const AppSecret = await makeSecret({ password: undefined, username: 'hunter2' })
    await expect(change('Update', first, { AppSecret })).rejects.toThrow(`${AppSecret}: the secret lacks password`)
  })

  it('leaves the tables to the cluster when it is deleted', async () => {
    expect(await change('Delete', first)).toEqual({ PhysicalResourceId: 'schema' })
    expect(await mysql.sql('SELECT COUNT(*) FROM testtable')).toBe('1')
  })
})

describe('the rotation function', () => {
  const steps = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const

  /** Does what Secrets Manager does, every step twice, as after a failure that hid a success. */
  async function rotate(SecretId: string): Promise<void> {
    const ClientRequestToken = randomUUID()
    for (const Step of steps) {
      await rotation({ Step, SecretId, ClientRequestToken })
      await rotation({ Step, SecretId, ClientRequestToken })
    }
  }

  async function current(SecretId: string): Promise<{ readonly username: string; readonly password: string }> {
    const { SecretString = '' } = await secretsManager.send(
      new GetSecretValueCommand({ SecretId, VersionStage: 'AWSCURRENT' }),
    )
    return JSON.parse(SecretString)
  }

  it.each(['AppSecret', 'AdminSecret'] as const)(
    'gives the user of %s a new password; the one before stays valid until the next',
    async (name) => {
      const before = await current(secrets[name])
      await rotate(secrets[name])
      const next = await current(secrets[name])
      expect(next).toEqual({ ...before, password: expect.stringMatching(/^[A-Za-z0-9]{32}$/) })
      expect(await Promise.all([before, next].map(canSignIn))).toEqual([true, true])

      await rotate(secrets[name])
      const last = await current(secrets[name])
      expect(await Promise.all([before, next, last].map(canSignIn))).toEqual([false, true, true])
    },
  )

  it('keeps the current password when the new one cannot be set', async () => {
    const lost = await makeSecret({ username: 'nobody', password: 'nothing', masterarn: secrets.AdminSecret })
    await expect(rotate(lost)).rejects.toThrow('ALTER USER')
    expect(await current(lost)).toMatchObject({ password: 'nothing' })
    const { VersionIdsToStages = {} } = await secretsManager.send(new DescribeSecretCommand({ SecretId: lost }))
    expect(Object.values(VersionIdsToStages).flat().sort()).toEqual(['AWSCURRENT', 'AWSPENDING'])
  })
})
