import { type StartedTestContainer, Wait } from 'testcontainers'
import { freeze, thaw } from './freeze.ts'
import { buildImage } from './image.ts'
import { testContainer } from './test-container.ts'
import { removeLeftovers } from './test-run.ts'

/** One writer with an empty database, from the database image of the topology. */
export interface TestMysql extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** Where other containers reach it, at port 3306. */
  readonly address: string
  readonly database: string
  /** The password that the server generated for `app` or `migrator` when it started. */
  password(user: 'app' | 'migrator'): Promise<string>
  /** The authority of its certificate, which has no name. */
  certificateAuthority(): Promise<string>
  /** Runs SQL as root: a line per row, columns separated by tabs. @throws with the server's message. */
  sql(statement: string): Promise<string>
  /** Suspends the server: connections stay open without a response. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** Kills every connection of a user. */
  killConnections(user: string): Promise<void>
}

/** Starts a server whose data is removed with it. The caller disposes of it: `await using`. */
export async function startMysql(): Promise<TestMysql> {
  await removeLeftovers()
  const database = 'testdb'
  const container = await testContainer(await buildImage('mysql'))
    .withCommand(['writer'])
    .withEnvironment({ DB_NAME: database })
    .withTmpFs({ '/var/lib/mysql': 'uid=999,gid=999' })
    .withExposedPorts(3306)
    .withWaitStrategy(Wait.forHealthCheck())
    .start()

  async function sql(statement: string): Promise<string> {
    const { exitCode, output } = await container.exec([
      'mysql',
      '--batch',
      '--skip-column-names',
      database,
      '-e',
      statement,
    ])
    if (exitCode !== 0) throw new Error(output)
    return output.trimEnd()
  }

  return {
    host: container.getHost(),
    port: container.getMappedPort(3306),
    address: container.getIpAddress('bridge'),
    database,
    sql,
    password: async (user) => (await fileOf(container, `/run/credentials/${user}/password`)).trimEnd(),
    certificateAuthority: () => fileOf(container, '/var/lib/mysql/data/ca.pem'),
    freeze: () => freeze(container.getId()),
    thaw: () => thaw(container.getId()),
    async killConnections(user) {
      const ids = await sql(`SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '${user}'`)
      await sql(
        ids
          .split('\n')
          .filter(Boolean)
          .map((id) => `KILL ${id};`)
          .join(''),
      )
    },
    async [Symbol.asyncDispose]() {
      await container.stop()
    },
  }
}

async function fileOf(container: StartedTestContainer, path: string): Promise<string> {
  return (await container.exec(['cat', path])).stdout
}
