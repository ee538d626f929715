// `npm run generate -- resource NAME FIELD:TYPE… [--plural NAME]`: writes the parts of a resource.
import { execFile } from 'node:child_process'
import { parseArgs, promisify } from 'node:util'
import { repositoryRoot } from '@repo/compose'
import { CliError, interruption, runCli } from '@repo/ops/cli.ts'
import { type Contents, writeOrUndo } from './changes.ts'
import { type Field, parseFields } from './fields.ts'
import { type Names, namesOf } from './names.ts'
import { checkNames, nextMigration, placesOf, registrations, tablesOf } from './project.ts'
import { repository, resource, routes, schema } from './templates/app.ts'
import { migration } from './templates/migration.ts'
import { pageHead, pageHtml, pageModule } from './templates/page.ts'
import { test } from './templates/test.ts'
import { workload } from './templates/workload.ts'

const usage =
  "Usage: npm run generate -- resource NAME FIELD:TYPE… [--plural NAME]\n  For example: npm run generate -- resource ticket 'title:string(200)!' 'state:enum(open,closed)'"

/** What the steps below write, apart from the files of the resource. */
const generated = [
  'apps/app/src/http/openapi.json',
  'apps/web/page/api-types.ts',
  'infra/test/snapshots/dev.template.json',
]

await runCli(async () => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { plural: { type: 'string' } } })
  const [kind, name, ...texts] = positionals
  if (kind !== 'resource' || name === undefined) throw new CliError(usage)
  const names = namesOf(name, values.plural)
  await checkNames(repositoryRoot, names)
  const fields = parseFields(texts, await tablesOf(repositoryRoot), names.table)
  const contents = await contentsOf(names, fields)
  const signal = interruption()
  await writeOrUndo(repositoryRoot, contents, generated, async () => {
    const code = [...contents.keys()].filter((path) => !path.endsWith('.sql'))
    await run(signal, 'npx', 'biome', 'check', '--write', ...code)
    await run(signal, process.execPath, 'apps/app/generate/openapi.ts')
    await run(signal, 'npx', 'vitest', 'run', '--project', 'unit', 'infra/test/snapshot.test.ts', '--update')
  })
  for (const path of [...contents.keys(), ...generated]) console.log(`  ${path}`)
  console.log(`✓ The resource '${names.folder}' is at /${names.folder}. Next: npm test, then npm start.`)
})

async function contentsOf(names: Names, fields: readonly Field[]): Promise<Contents> {
  const places = placesOf(names)
  return new Map([
    [await nextMigration(repositoryRoot, `create_${names.table}`), migration(names, fields)],
    [`${places.app}/schema.ts`, schema(names, fields)],
    [`${places.app}/repository.ts`, repository(names, fields)],
    [`${places.app}/routes.ts`, routes(names)],
    [`${places.app}/resource.ts`, resource(names)],
    [`${places.app}/${names.folder}.integration.test.ts`, test(names, fields)],
    [`${places.page}/main.html`, pageHtml(names, fields)],
    [`${places.page}/head.html`, pageHead],
    [`${places.page}/index.ts`, pageModule(names)],
    [places.workload, workload(names, fields)],
    ...(await registrations(repositoryRoot, names)),
  ])
}

/** @throws {CliError} with everything that the program printed. */
async function run(signal: AbortSignal, program: string, ...args: readonly string[]): Promise<void> {
  const options = { cwd: repositoryRoot, signal, maxBuffer: 64 * 1024 ** 2 }
  await promisify(execFile)(program, [...args], options).catch(({ message, stdout, stderr }) => {
    throw new CliError(
      `${signal.aborted ? 'Interrupted' : message}. Nothing was changed.\n${stdout ?? ''}${stderr ?? ''}`,
    )
  })
}
