// `npm run generate -- resource NAME FIELD:TYPE… [--plural NAME]`: writes the parts of a resource.
import { parseArgs } from 'node:util'
import { repositoryRoot } from '@repo/compose'
import { CliError, interruption, runCli } from '@repo/ops/cli.ts'
import { type Contents, writeOrUndo } from './changes.ts'
import { type Field, parseFields } from './fields.ts'
import { type Names, namesOf } from './names.ts'
import { checkNames, nextMigration, registrations, resourceTables } from './project.ts'
import { fromSchemas, generateFromSchemas, snapshot, updateSnapshot } from './regenerate.ts'
import { renderResource } from './render.ts'
import { run } from './run.ts'
import { migration } from './templates/migration.ts'

const usage =
  "Usage: npm run generate -- resource NAME FIELD:TYPE… [--plural NAME]\n  For example: npm run generate -- resource ticket 'title:string(200)!' 'state:enum(open,closed)'"

/** What the steps below write, apart from the files of the resource. */
const touched = [...fromSchemas, snapshot]

await runCli(async () => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { plural: { type: 'string' } } })
  const [kind, name, ...texts] = positionals
  if (kind !== 'resource' || name === undefined) throw new CliError(usage)
  const names = namesOf(name, values.plural)
  await checkNames(repositoryRoot, names)
  const fields = parseFields(texts, await resourceTables(repositoryRoot), names.table)
  const contents = await contentsOf(names, fields)
  const signal = interruption()
  await writeOrUndo(repositoryRoot, contents, touched, async () => {
    const code = [...contents.keys()].filter((path) => !path.endsWith('.sql'))
    await run(signal, 'npx', 'biome', 'check', '--write', ...code)
    await generateFromSchemas(signal)
    await updateSnapshot(signal)
  }).catch((error: unknown) => {
    if (error instanceof CliError) throw new CliError(`Nothing was changed. ${error.message}`)
    throw error
  })
  for (const path of [...contents.keys(), ...touched]) console.log(`  ${path}`)
  console.log(`✓ The resource '${names.folder}' is at /${names.folder}. Next: npm test, then npm start.`)
})

async function contentsOf(names: Names, fields: readonly Field[]): Promise<Contents> {
  return new Map([
    [await nextMigration(repositoryRoot, `create_${names.table}`), migration(names, fields)],
    ...renderResource(names, fields),
    ...(await registrations(repositoryRoot, names)),
  ])
}
