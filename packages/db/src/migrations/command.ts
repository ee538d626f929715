import { migrationVariables, passwordSource, readEnvironment } from '../environment.ts'
import { loadMigrations } from './load.ts'
import { migrate } from './migrate.ts'

/** The command behind `db-init`: brings the schema up to date and ends, with status 1 and the reason if it cannot. */
async function main(): Promise<void> {
  const settings = readEnvironment(migrationVariables, process.env)
  const { applied } = await migrate({
    connection: {
      host: settings.DB_WRITE_ENDPOINT_ADDRESS,
      port: settings.MYSQL_PORT,
      user: settings.DB_USER,
      password: await passwordSource(settings)(),
      tlsCa: settings.DB_TLS_CA,
      tlsServerName: settings.DB_TLS_SERVER_NAME,
    },
    database: settings.DB_NAME,
    placeholders: { table: settings.DB_TABLENAME },
    migrations: await loadMigrations(),
    appUser: { name: settings.APP_DB_USER },
  })
  console.log(JSON.stringify({ service: 'db-init', applied }))
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? `${error.name}: ${error.message}` : error)
  process.exitCode = 1
})
