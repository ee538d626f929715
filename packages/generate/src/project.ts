import { existsSync } from 'node:fs'
import { glob, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CliError } from '@repo/ops/cli.ts'
import type { Names } from './names.ts'
import { hasRecord } from './record.ts'

/** Where a resource has its parts. */
export const placesOf = ({ folder }: Pick<Names, 'folder'>) => ({
  app: `apps/app/src/resources/${folder}`,
  page: `apps/web/page/${folder}`,
  workload: `packages/drills/src/workloads/${folder}.ts`,
})

const migrations = 'packages/db/migrations'

const migrationFiles = async (root: string) =>
  (await readdir(join(root, migrations))).filter((file) => file.endsWith('.sql')).sort()

/** Migrations of a project that was made from this repository are above this: later ones of this repository are below. */
export const reservedNumbers = 1000

/** The path of the next migration. */
export async function nextMigration(root: string, name: string): Promise<string> {
  const numbers = (await migrationFiles(root)).map((file) => Number.parseInt(file, 10)).filter(Number.isInteger)
  const last = Math.max(hasRecord(root) ? reservedNumbers : 0, ...numbers)
  return `${migrations}/${String(last + 1).padStart(4, '0')}_${name}.sql`
}

/** @throws {CliError} if something has one of the names already. */
export async function checkNames(root: string, names: Names): Promise<void> {
  const { folder, table, pascal, plural, pluralPascal } = names
  for (const place of Object.values(placesOf(names))) {
    if (existsSync(join(root, place))) throw new CliError(`There is a resource '${folder}' already: ${place}.`)
  }
  if ((await tablesOf(root)).has(table)) throw new CliError(`There is a table '${table}' already, in ${migrations}.`)
  if (/^(schema|unfinished)_migrations$/.test(table))
    throw new CliError(`The table '${table}' is that of the migrations.`)
  const document = JSON.parse(await readFile(join(root, 'apps/app/src/http/openapi.json'), 'utf8'))
  const first = (path: string) => path.split('/')[1]
  if ([...Object.keys(document.paths).map(first), 'ui', 'metrics', 'write'].includes(folder)) {
    throw new CliError(`The path '/${folder}' has another use. Take another name, or another --plural.`)
  }
  if (document.components.schemas[pascal]) {
    throw new CliError(`The OpenAPI document has a schema '${pascal}' already. Take another name.`)
  }
  for await (const file of glob('apps/web/page/{,*/}*.html', { cwd: root })) {
    if (new RegExp(`\\bid="${folder}(-title)?"`).test(await readFile(join(root, file), 'utf8'))) {
      throw new CliError(`The page has an element with the id '${folder}' already, in ${file}. Take another name.`)
    }
  }
  const registered = [plural, `setUp${pluralPascal}`, plural]
  for (const [index, file] of indexes.entries()) {
    const name = registered[index] ?? ''
    if (declares(await readFile(join(root, file), 'utf8'), name)) {
      throw new CliError(`The name '${name}' has another use in ${file}. Take another name, or another --plural.`)
    }
  }
}

/** Whether a module declares or imports a name at its top level. */
const declares = (code: string, name: string) =>
  new RegExp(
    `^(?:import [^']*\\b${name}\\b|(?:export )?(?:const|let|(?:async )?function|class|type|interface) ${name}\\b)`,
    'm',
  ).test(code)

/** The tables of the resources. */
export async function resourceTables(root: string): Promise<ReadonlySet<string>> {
  const isResource = (table: string) => existsSync(join(root, placesOf({ folder: table.replaceAll('_', '-') }).app))
  return new Set([...(await tablesOf(root))].filter(isResource))
}

/** The tables that the migrations leave. */
async function tablesOf(root: string): Promise<ReadonlySet<string>> {
  const tables = new Set<string>()
  for (const file of await migrationFiles(root)) {
    const sql = await readFile(join(root, migrations, file), 'utf8')
    for (const [, verb = '', table = ''] of sql.matchAll(/^(CREATE|DROP) TABLE (?:IF (?:NOT )?EXISTS )?(\w+)/gim)) {
      if (verb.toUpperCase() === 'DROP') tables.delete(table)
      else tables.add(table)
    }
  }
  return tables
}

/** Where resources are registered. */
const indexes = [
  'apps/app/src/resources/index.ts',
  'apps/web/page/main.ts',
  'packages/drills/src/workloads/index.ts',
] as const

/** The files in which a resource is registered, with it. @throws {CliError} if they are of another form. */
export async function registrations(root: string, names: Names): Promise<ReadonlyMap<string, string>> {
  const { plural, pluralPascal, folder } = names
  const lines = {
    [indexes[0]]: [`import { ${plural} } from './${folder}/resource.ts'`, `  ${plural},`],
    [indexes[1]]: [`import { setUp${pluralPascal} } from './${folder}/index.ts'`, `  setUp${pluralPascal}(),`],
    [indexes[2]]: [`import { ${plural} } from './${folder}.ts'`, `  ${plural},`],
  }
  const registered = new Map<string, string>()
  for (const [file, [imported = '', line = '']] of Object.entries(lines)) {
    const text = await readFile(join(root, file), 'utf8')
    const [before = '', after] = text.split(/(?<=^ {2}\/\/ One line each.*\n(?: {2}.+\n)*)(?=\]$)/m)
    if (after === undefined)
      throw new CliError(`${file}: the list of resources, after '// One line each', is not found.`)
    registered.set(file, `${imported}\n${before}${line}\n${after}`)
  }
  return registered
}
