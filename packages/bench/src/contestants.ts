/** One design under test. */
export interface Contestant {
  /** Its name in the results. */
  readonly name: string
  /** Its name for people. */
  readonly label: string
  /** Where the load generator finds it. */
  readonly url: string
  /** Its own containers; the databases are everybody's. */
  readonly services: readonly string[]
}

const behindApache = (name: string, label: string): Contestant => ({
  name,
  label,
  url: `http://web-${name}:8080`,
  services: [`web-${name}`, `app-${name}`],
})

/** This project, Apache and app alone: what the ratios are about. */
export const direct = behindApache('direct', 'Three-tier, web → app')

/** This project with both balancers and two of each tier. */
export const topology: Contestant = {
  name: 'topology',
  label: 'Three-tier, whole topology',
  url: 'http://alb:80',
  services: ['alb', 'web', 'nlb', 'app'],
}

/** This project with one INSERT per request. */
export const unshared = behindApache('unshared', 'Three-tier, sharing off')

/** Apache and a Node that answers a constant: the limit of the path. */
export const constant = behindApache('constant', 'Apache → Node, a constant')

/** The other designs. */
export const peers: readonly Contestant[] = [
  behindApache('seed', 'Seed: Flask, uWSGI'),
  behindApache('express', 'Express + mysql2'),
  behindApache('fastify', 'Fastify + mysql2'),
]

/** Apache alone, sending files of the lists' sizes. */
export const file: Contestant = {
  name: 'file',
  label: 'Apache, a file of that size',
  url: 'http://web-file:8080',
  services: ['web-file'],
}

/** sysbench on the same server: one row, one commit. */
export const commits = { name: 'commits', label: 'sysbench, one-row commits' } as const

/** The client that is nearest to the server. */
export const dump = { name: 'dump', label: 'mysql --quick' } as const

/** The label of a contestant by its name. */
export const labels: Readonly<Record<string, string>> = Object.fromEntries(
  [direct, topology, unshared, ...peers, constant, file, commits, dump].map(({ name, label }) => [name, label]),
)
