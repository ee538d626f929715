import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect, promisify } from 'node:util'
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { repositoryRoot, waitFor } from '@repo/compose'
import { startMysql, type TestMysql } from '@repo/compose/testing'
import { connect, loadMigrations, type Migration, query } from '@repo/db'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { parameterText } from '../functions/carried-migrations.ts'
import type { RotationEvent } from '../functions/rotation.ts'
import type { LambdaContext, SchemaEvent } from '../functions/schema.ts'
import { configs } from '../lib/config.ts'
import { account, region, StandIn, testKeys } from './aws.ts'
import { resolve } from './intrinsics.ts'
import { bundledFunctions, synthesize } from './synthesis.ts'

/**
 * What Aurora's master user has, with the right to grant it. 8.4 has SET_ANY_DEFINER and ALLOW_NONEXISTENT_DEFINER for
 * SET_USER_ID: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.MasterAccounts.html
 */
const masterPrivileges = [
  'ALTER, ALTER ROUTINE, CREATE, CREATE ROLE, CREATE ROUTINE, CREATE TEMPORARY TABLES, CREATE USER, CREATE VIEW',
  'DELETE, DROP, DROP ROLE, EVENT, EXECUTE, INDEX, INSERT, LOCK TABLES, PROCESS, REFERENCES, RELOAD',
  'REPLICATION CLIENT, REPLICATION SLAVE, SELECT, SHOW DATABASES, SHOW VIEW, TRIGGER, UPDATE',
  'ALLOW_NONEXISTENT_DEFINER, APPLICATION_PASSWORD_ADMIN, CONNECTION_ADMIN, FLUSH_OPTIMIZER_COSTS, FLUSH_STATUS',
  'FLUSH_TABLES, FLUSH_USER_RESOURCES, ROLE_ADMIN, SET_ANY_DEFINER, SHOW_ROUTINE, XA_RECOVER_ADMIN',
].join(', ')

const admin = { username: 'admin', password: 'first-admin-password' }
const app = { username: 'visitor', password: 'first-app-password' }

let aws: StandIn
let mysql: TestMysql
let ssm: SSMClient
let secretsManager: SecretsManagerClient
type SchemaHandler = (event: SchemaEvent, context: LambdaContext) => Promise<{ readonly PhysicalResourceId: string }>
let schema: SchemaHandler
let loadSchema: (bundles: Readonly<Record<string, string>>) => Promise<SchemaHandler>
let rotation: (event: RotationEvent) => Promise<void>
let secrets: { readonly AdminSecret: string; readonly AppSecret: string }

const template = synthesize()

/** The secrets of tests, instead of the template's two: each name starts with that of a user. */
const secretsOf = (user: 'admin' | 'app') => `arn:aws:secretsmanager:${region}:${account}:secret:${user}-*`

/** The statements of a function's role in the template, with this test's resources. */
function statementsOf(prefix: string): readonly { readonly Action: string | readonly string[] }[] {
  const { PolicyDocument } = template.one('AWS::IAM::Policy', prefix).Properties
  return resolve(PolicyDocument.Statement, {
    'AWS::AccountId': account,
    [template.one('AWS::SecretsManager::SecretTargetAttachment', 'DataApp').id]: secretsOf('app'),
    [template.one('AWS::SecretsManager::SecretTargetAttachment', 'DataCluster').id]: secretsOf('admin'),
  })
}

const rights = {
  schema: statementsOf('DataSchemaFunctionServiceRole'),
  rotation: statementsOf('DataRotationFunctionServiceRole'),
}

beforeAll(async () => {
  aws = await StandIn.start()
  mysql = await startMysql()
  const keys = await aws.createUsers(rights)
  const endpoint = await aws.endpoint()
  Object.assign(process.env, { AWS_ENDPOINT_URL: endpoint, AWS_REGION: region })
  ssm = new SSMClient({ credentials: testKeys })
  secretsManager = new SecretsManagerClient({ credentials: testKeys })
  /** Each function has the rights of its role. */
  const withRightsOf =
    <Parameters extends unknown[], Result>(
      user: 'schema' | 'rotation',
      handler: (...parameters: Parameters) => Promise<Result>,
    ) =>
    (...parameters: Parameters) => {
      const { accessKeyId, secretAccessKey } = keys[user]
      Object.assign(process.env, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey })
      return handler(...parameters)
    }
  loadSchema = async (bundles) => withRightsOf('schema', await load(bundles, 'DataSchemaFunction'))
  const bundles = bundledFunctions()
  schema = await loadSchema(bundles)
  rotation = withRightsOf('rotation', await load(bundles, 'DataRotationFunction'))

  await mysql.sql(`CREATE USER ${admin.username} IDENTIFIED BY '${admin.password}'`)
  await mysql.sql(`GRANT ${masterPrivileges} ON *.* TO ${admin.username} WITH GRANT OPTION`)
  const AdminSecret = await createSecret('admin', admin)
  secrets = { AdminSecret, AppSecret: await createSecret('app', { ...app, masterarn: AdminSecret }) }
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
async function createSecret(kind: string, user: object): Promise<string> {
  const { host, port, database: dbname } = mysql
  const SecretString = JSON.stringify({ host, port, dbname, engine: 'mysql', ...user })
  const { ARN = '' } = await secretsManager.send(
    new CreateSecretCommand({ Name: `${kind}-${randomUUID()}`, SecretString }),
  )
  return ARN
}

async function putMigrations(migrations: readonly Migration[]): Promise<string> {
  const Name = `/schema/${configs.dev.stackName}/${randomUUID()}`
  await ssm.send(new PutParameterCommand({ Name, Type: 'String', Value: parameterText(migrations, 4096) }))
  return Name
}

/** Calls the custom resource's function with these migrations. */
async function callSchema(
  RequestType: SchemaEvent['RequestType'],
  migrations: readonly Migration[],
  properties: Partial<SchemaEvent['ResourceProperties']> = {},
  { handler = schema, seconds = 900 } = {},
) {
  const Parameter = await putMigrations(migrations)
  const event = {
    RequestType,
    ...(RequestType === 'Create' ? {} : { PhysicalResourceId: 'schema' }),
    ResourceProperties: { Parameter, ...secrets, Database: mysql.database, Table: 'testtable', ...properties },
  }
  const deadline = Date.now() + seconds * 1000
  return handler(event, { getRemainingTimeInMillis: () => deadline - Date.now() })
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
    sql: '-- App user: SELECT, INSERT ON {{table}}\nCREATE TABLE {{table}} (id INT, dt DATETIME NOT NULL)',
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
    await mysql.sql('INSERT INTO testtable VALUES (1, UTC_TIMESTAMP())')
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
    const AdminSecret = await createSecret('admin', { ...admin, password: 'hunter2' })
    const printed = await printedFailure(callSchema('Update', first, { AdminSecret }))
    expect(printed).toContain('Error: Update: ER_ACCESS_DENIED_ERROR')
    expect(printed).not.toMatch(/hunter2|SELECT|GRANT/)
  })

  it('fails for an incomplete secret without printing its values', async () => {
    const AppSecret = await createSecret('app', { password: undefined, username: 'hunter2' })
    const printed = await printedFailure(callSchema('Update', first, { AppSecret }))
    expect(printed).toContain(`${AppSecret}: missing password`)
    expect(printed).not.toContain('hunter2')
  })

  it('fails with the name of an error of AWS', async () => {
    const AppSecret = secretsOf('app').replace('*', 'unknown')
    const printed = await printedFailure(callSchema('Update', first, { AppSecret }))
    expect(printed).toContain('Error: Update: ResourceNotFoundException')
  })

  it('may not read the secret of anybody else', async () => {
    const AppSecret = await createSecret('other', app)
    const printed = await printedFailure(callSchema('Update', first, { AppSecret }))
    expect(printed).toContain('Error: Update: AccessDeniedException')
  })

  it('applies 200 migrations, most of which are in its bundle only', async () => {
    const added = Array.from({ length: 200 }, (_, at) => ({
      name: `${9100 + at}_row`,
      sql: `-- Intent: ${'a long header. '.repeat(10)}\nINSERT INTO {{table}} (dt) VALUES ('2000-01-01')`,
    }))
    const migrations = [...first, second, ...added]
    const handler = await loadSchema(bundledFunctions({ migrations }))
    await callSchema('Update', migrations, {}, { handler })
    expect(await mysql.sql("SELECT COUNT(*) FROM testtable WHERE dt = '2000-01-01'")).toBe('200')
    await mysql.sql("DELETE FROM testtable WHERE dt = '2000-01-01'")
    // With the bundle of the new release, as during a rollback.
    await callSchema('Update', [...first, second], {}, { handler })
    expect(await mysql.sql('SELECT COUNT(*) FROM schema_migrations')).toBe('202')
  })

  it('finds nothing to do after migrations were applied by hand', async () => {
    const { name, sql } = { name: '9400_by_hand', sql: 'ALTER TABLE {{table}} ADD COLUMN by_hand TINYINT' }
    const folder = await mkdtemp(join(tmpdir(), 'by-hand-'))
    await cp(join(repositoryRoot, 'packages/db'), folder, { recursive: true })
    await symlink(join(repositoryRoot, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'migrations', `${name}.sql`), sql)
    const env = {
      ...process.env,
      DB_WRITE_ENDPOINT_ADDRESS: mysql.host,
      MYSQL_PORT: String(mysql.port),
      DB_NAME: mysql.database,
      DB_TABLENAME: 'testtable',
      DB_USER: admin.username,
      DB_PASSWORD: admin.password,
      APP_DB_USER: app.username,
    }
    const command = join(folder, 'src/migrations/command.ts')
    const { stdout } = await promisify(execFile)(process.execPath, [command], { env })
    expect(JSON.parse(stdout).applied).toContain(name)
    await rm(folder, { recursive: true })

    const applied = vi.spyOn(console, 'log').mockReturnValue()
    await callSchema('Update', [...(await loadMigrations()), { name, sql }])
    expect(applied.mock.calls).toEqual([['{"applied":[]}']])
    applied.mockRestore()
  })

  it('succeeds at once in a rollback while the migration of the newer release runs', async () => {
    const running = await connect({ ...mysql, user: admin.username, password: admin.password }, 5000)
    await query(running, "SELECT GET_LOCK(CONCAT('migrate ', SHA2(?, 224)), 0)", [mysql.database])
    await mysql.sql(`INSERT INTO unfinished_migrations VALUES ('9500_long', REPEAT('0', 64), UTC_TIMESTAMP(3))`)
    try {
      // Waiting for the lock takes longer.
      const within = { seconds: 60 + 30 }
      await expect(callSchema('Update', await loadMigrations(), {}, within)).resolves.toBeDefined()
    } finally {
      running.destroy()
      await mysql.sql('DELETE FROM unfinished_migrations')
    }
  })

  it('fails before its time ends, and names what to do about a migration that takes long', async () => {
    const long = { name: '9600_long', sql: 'DO SLEEP(1000)' }
    const migrations = [...(await loadMigrations()), long]
    const printed = await printedFailure(callSchema('Update', migrations, {}, { seconds: 60 + 5 }))
    const [, heading = ''] =
      /^Error: Update: FunctionError: the migrations take longer.*See "(.*)" in docs/.exec(printed) ?? []
    expect(readFileSync(join(repositoryRoot, 'docs/runbook.md'), 'utf8')).toContain(`\n## ${heading}\n`)
    expect(await mysql.sql('SELECT name FROM unfinished_migrations')).toBe('9600_long')
    const sessions = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'DO SLEEP%'"
    await waitFor('its session to end', async () => (await mysql.sql(sessions)) === '0')
    await mysql.sql('DELETE FROM unfinished_migrations')
  })

  it('leaves the tables unchanged when the stack is deleted', async () => {
    expect(await callSchema('Delete', first)).toEqual({ PhysicalResourceId: 'schema' })
    expect(await mysql.sql('SELECT COUNT(*) FROM testtable')).toBe('1')
  })
})

const rotationSteps = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const

describe('the rotation function', () => {
  /** Runs the steps of Secrets Manager, each twice, as Secrets Manager does after a lost response. */
  async function rotate(SecretId: string): Promise<void> {
    const ClientRequestToken = randomUUID()
    for (const Step of rotationSteps) {
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
    const unknownUser = await createSecret('app', { username: 'nobody', password, masterarn: secrets.AdminSecret })
    const printed = await printedFailure(rotate(unknownUser))
    expect(await version(unknownUser, 'AWSCURRENT')).toMatchObject({ password })

    const pending = await version(unknownUser, 'AWSPENDING')
    expect(printed).toContain('Error: setSecret: ER_CANNOT_USER')
    expect(printed).not.toMatch(new RegExp(`${password}|${pending.password}|nobody|ALTER USER`))
    const { VersionIdsToStages = {} } = await secretsManager.send(new DescribeSecretCommand({ SecretId: unknownUser }))
    expect(Object.values(VersionIdsToStages).flat().sort()).toEqual(['AWSCURRENT', 'AWSPENDING'])
  })

  it.each(rotationSteps)('prints no password when the database cannot be reached in %s', async (Step) => {
    const ClientRequestToken = randomUUID()
    const password = 'current-password'
    const unreachable = await createSecret('app', { username: 'nobody', password, host: '127.0.0.2', port: 1 })
    await rotation({ Step: 'createSecret', SecretId: unreachable, ClientRequestToken })
    const pending = await version(unreachable, 'AWSPENDING')
    const output = vi.spyOn(console, 'log').mockReturnValue()
    const result = await rotation({ Step, SecretId: unreachable, ClientRequestToken }).catch((error: unknown) => error)
    if (['setSecret', 'testSecret'].includes(Step)) expect(result).toEqual(new Error(`${Step}: ECONNREFUSED`))
    expect(inspect(result, { showHidden: true, depth: null })).not.toMatch(
      new RegExp(`${password}|${pending.password}`),
    )
    expect(output).not.toHaveBeenCalled()
    output.mockRestore()
  })
})

describe('the least privileges of the migrator', () => {
  const least = { username: 'least', password: 'least-password' }

  it('are these, for both functions', async () => {
    await mysql.sql(`CREATE USER ${least.username} IDENTIFIED BY '${least.password}'`)
    await mysql.sql(`GRANT CREATE USER, APPLICATION_PASSWORD_ADMIN ON *.* TO ${least.username}`)
    await mysql.sql(
      `GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER, CREATE VIEW, SHOW VIEW
       ON testdb.* TO ${least.username} WITH GRANT OPTION`,
    )
    const AdminSecret = await createSecret('admin', least)
    const AppSecret = await createSecret('app', {
      username: 'new_app',
      password: 'new-password',
      masterarn: AdminSecret,
    })
    await callSchema('Create', await loadMigrations(), { AdminSecret, AppSecret })
    for (const SecretId of [AppSecret, AdminSecret]) {
      const ClientRequestToken = randomUUID()
      for (const Step of rotationSteps) await rotation({ Step, SecretId, ClientRequestToken })
    }
    expect(await mysql.sql('SHOW GRANTS FOR new_app')).toContain('GRANT SELECT, UPDATE ON `testdb`.`heartbeat`')
  })
})

describe("the rights of the functions' roles", () => {
  it.each(['schema', 'rotation'] as const)('are what the %s function has used, and no others', async (name) => {
    const allowed = rights[name].flatMap(({ Action }) => Action)
    expect([...(await aws.actions(name))].sort()).toEqual(allowed.sort())
  })
})
