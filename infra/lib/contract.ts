/**
 * What the images expect of whoever runs them. compose.yaml says the same in its own words; test/parity.test.ts holds
 * the two together.
 */
export const contract = {
  publicPort: 80,
  webPort: 8080,
  appPort: 9090,
  databasePort: 3306,
  /** Shallow: an outage of the database must not replace instances. */
  healthPath: '/healthz',
  databaseName: 'testdb',
  tableName: 'testtable',
  migratorUser: 'migrator',
  appUser: 'app',
  /** The app's user in its image. */
  appUid: 10001,
  albIdleSeconds: 60,
  nlbIdleSeconds: 350,
  stopGraceSeconds: 30,
  deregistrationDelaySeconds: 60,
} as const
