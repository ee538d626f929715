import {
  type Connection,
  checksum,
  connect,
  declaredRights,
  type Endpoint,
  fillIn,
  type Migration,
  MigrationError,
  migrate,
} from '@repo/db'
import { reservedNumbers } from '../project.ts'
import type { Finding } from './finding.ts'
import { readSchema } from './read-schema.ts'
import { storeSampleRows } from './sample-rows.ts'
import { compareSchemas, declare } from './schema.ts'

/** Where migrations are tried: an empty database with the users of the topology. */
export interface TrialServer {
  /** As the migrator. */
  readonly connection: Endpoint
  readonly database: string
}

/** A migration that breaks the release before, and what of it does. */
export interface RefusedMigration {
  readonly name: string
  /** Its statement without the header. */
  readonly statement: string
  readonly findings: readonly Finding[]
}

const placeholders = { table: 'testtable' }

/** The files that a server which has applied those of the release before would refuse, or apply in another order. */
export function compareFiles(before: readonly Migration[], after: readonly Migration[]): RefusedMigration[] {
  const present = new Map(after.map((migration) => [migration.name, migration]))
  const changed = before.flatMap((migration) => {
    const now = present.get(migration.name)
    if (now === undefined) return [refusedFile(migration, 'the file is gone or has another name')]
    if (checksum(now) !== checksum(migration)) return [refusedFile(now, 'the file was changed')]
    const findings = lostRights([migration], [now])
    return findings.length === 0 ? [] : [{ ...describe(now), findings }]
  })
  const early = newOnes(before, after).flatMap((migration) => {
    const last = before.findLast(({ name }) => isOwn(name) === isOwn(migration.name))?.name ?? ''
    return migration.name < last ? [refusedFile(migration, `its number is not after that of ${last}`)] : []
  })
  return [...changed, ...early]
}

/** Whether it is one of the project's own. Those that come with a later version are below, whatever came first. */
const isOwn = (name: string) => Number.parseInt(name, 10) > reservedNumbers

function refusedFile(migration: Migration, problem: string): RefusedMigration {
  const wayOut =
    'Servers have recorded the migrations of the release before. Leave them, and add one with the next number.'
  return { ...describe(migration), findings: [{ object: migration.name, problem, wayOut }] }
}

/** Those of `after` that the release before does not have. */
export function newOnes(before: readonly Migration[], after: readonly Migration[]): readonly Migration[] {
  const known = new Set(before.map(({ name }) => name))
  return after.filter(({ name }) => !known.has(name))
}

/**
 * Applies the migrations of the release before, then the new ones, one at a time, and compares what the database has
 * after each with what the release before was made for. So it does not matter how a statement is written.
 */
export async function judgeMigrations(
  { connection: endpoint, database }: TrialServer,
  before: readonly Migration[],
  after: readonly Migration[],
): Promise<RefusedMigration[]> {
  const apply = (migrations: readonly Migration[]) =>
    migrate({ connection: endpoint, database, placeholders, migrations, appUser: { name: 'app' } })
  await apply(before)
  const connection = await connect(endpoint, 10_000, { database, decimalNumbers: true })
  try {
    return await judgeEach(connection, before, after, apply)
  } finally {
    connection.end()
  }
}

async function judgeEach(
  connection: Connection,
  before: readonly Migration[],
  after: readonly Migration[],
  apply: (migrations: readonly Migration[]) => Promise<unknown>,
): Promise<RefusedMigration[]> {
  const schema = await readSchema(connection)
  const sample = await storeSampleRows(connection, schema)
  const refused: RefusedMigration[] = []
  const known = new Set<string>()
  const added = newOnes(before, after)
  const former = after.filter((migration) => !added.includes(migration))
  for (const [index, migration] of added.entries()) {
    const applied = [...former, ...added.slice(0, index + 1)]
    let failure: Finding | undefined
    try {
      await apply(applied).catch(async (error: unknown) => {
        failure = failed(migration, error, 'It must also work with the rows that the release before stores.')
        await sample.remove()
        await apply(applied)
      })
    } catch (error) {
      return [...refused, { ...describe(migration), findings: [failed(migration, error, 'Fix the migration.')] }]
    }
    const now = await readSchema(connection)
    const structure = [...compareSchemas(schema, now), ...lostRights(former, applied)]
    // Data is gone or refused because of a change of its table that has been found already.
    const data = (await sample.findings(now)).filter(({ object }) => !concernsTableOf(structure, object))
    const declared = declaredCompatible(migration)
    const reported = [...structure, ...data].filter(({ object, problem }) => {
      const isNew = !known.has(`${object}: ${problem}`)
      known.add(`${object}: ${problem}`)
      return isNew && !declared.has(object) && !declared.has(tableOf(object))
    })
    const findings = reported.length === 0 && failure ? [failure] : reported
    if (findings.length > 0) refused.push({ ...describe(migration), findings })
  }
  return refused
}

/** @throws what is no error of a migration. */
function failed({ name }: Migration, error: unknown, wayOut: string): Finding {
  if (!(error instanceof MigrationError)) throw error
  return { object: name, problem: `it fails: ${error.message}`, wayOut }
}

const tableOf = (object: string) => object.split('.')[0] ?? ''

const concernsTableOf = (findings: readonly Finding[], object: string) =>
  findings.some((other) => tableOf(other.object) === tableOf(object))

/** The rights of the release before that the app's user no longer has. */
export function lostRights(before: readonly Migration[], after: readonly Migration[]): Finding[] {
  const now = declaredRights(after, placeholders)
  return [...declaredRights(before, placeholders)].flatMap(([table, rights]) =>
    rights
      .filter((right) => !now.get(table)?.includes(right))
      .map((right) => ({
        object: `${table}.${right}`,
        problem: `the app's user no longer has ${right} on ${table}`,
        wayOut: `Declare fewer rights in a later release. ${declare(`${table}.${right}`)}`,
      })),
  )
}

/** What the header declares: `-- Compatible: OBJECT, REASON`. */
function declaredCompatible(migration: Migration): ReadonlySet<string> {
  const sql = fillIn(migration, placeholders).replaceAll('`', '')
  return new Set([...sql.matchAll(/^-- Compatible: ([\w.]+), \S.*$/gm)].map(([, object]) => String(object)))
}

function describe(migration: Migration): Pick<RefusedMigration, 'name' | 'statement'> {
  return { name: migration.name, statement: migration.sql.replaceAll(/^--.*\n?/gm, '').trim() }
}
