/**
 * What the images expect from the environment that runs them. compose.yaml has the same values;
 * test/parity.integration.test.ts compares the two.
 */
export const contract = {
  publicPort: 80,
  webPort: 8080,
  appPort: 9090,
  databasePort: 3306,
  /** Shallow, because a database outage must not replace instances. */
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
  /** Of each container, as `docker run` takes them. */
  limits: {
    web: { memory: '512m', processes: 2048 },
    app: { memory: '512m', processes: 256 },
  },
  /**
   * Of each tier's load balancer. A Network Load Balancer may open connections to a target for two minutes after its
   * deregistration. https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html
   */
  deregistrationDelaySeconds: { web: 60, app: 180 },
} as const
