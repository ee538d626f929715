/** A design under test. */
export interface Candidate {
  /** Its name in the results. */
  readonly name: string
  /** Its name in tables and charts. */
  readonly label: string
  /** Its address for the load generator. */
  readonly url: string
  /** Its own services; all candidates use the same databases. */
  readonly services: readonly string[]
}

const behindApache = (name: string, label: string): Candidate => ({
  name,
  label,
  url: `http://web-${name}:8080`,
  services: [`web-${name}`, `app-${name}`],
})

/** This project, one Apache and one app: the ratios compare this with the others. */
export const direct = behindApache('direct', 'Three-tier, web → app')

/** This project with both balancers and two instances per tier. */
export const topology: Candidate = {
  name: 'topology',
  label: 'Three-tier, complete topology',
  url: 'http://alb:80',
  services: ['alb', 'web', 'nlb', 'app'],
}

/** This project with one INSERT per request. */
export const unbatched = behindApache('unbatched', 'Three-tier, without batches')

/** Apache and a Node process that answers a constant: the upper limit of the path. */
export const constant = behindApache('constant', 'Apache → Node, a constant')

/** The other designs. */
export const baselines: readonly Candidate[] = [
  behindApache('baseline-flask', 'Flask, uWSGI (article)'),
  behindApache('express', 'Express + mysql2'),
  behindApache('fastify', 'Fastify + mysql2'),
  behindApache('go', 'Go + go-sql-driver'),
]

/** Go with shared INSERTs, as in this project; it reads as `go` does. */
export const goShared = behindApache('go-shared', 'Go, shared INSERTs')

/** Apache alone, serving files of the lists' sizes. */
export const file: Candidate = {
  name: 'file',
  label: 'Apache, a file of that size',
  url: 'http://web-file:8080',
  services: ['web-file'],
}

/** sysbench on the same server: one row, one commit. */
export const commits = { name: 'commits', label: 'sysbench, one-row commits' } as const

/** MySQL's own client on the same server. */
export const dump = { name: 'dump', label: 'mysql --quick' } as const

const all = [direct, topology, unbatched, ...baselines, goShared, constant, file, commits, dump]

/** The label of a candidate by its name. */
export const labels: Readonly<Record<string, string>> = Object.fromEntries(all.map(({ name, label }) => [name, label]))
