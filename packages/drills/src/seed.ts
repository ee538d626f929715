// `npm run seed -- RESOURCE COUNT`: inserts rows into the table of a resource.
import { parseArgs } from 'node:util'
import { CliError, openOwnProject, runCli } from '@repo/ops/cli.ts'
import { writableDatabase } from '@repo/ops/databases.ts'
import { findWorkload } from './find-workload.ts'
import { insertion, parentInsertions } from './rows.ts'
import { workloads } from './workloads/index.ts'

/** Rows in one transaction. */
const batchRows = 100_000

await runCli(async () => {
  const [name, countText = '', ...others] = parseArgs({ allowPositionals: true }).positionals
  if (name === undefined || others.length > 0) {
    const known = workloads.map((each) => each.name).join(', ')
    throw new CliError(`Usage: npm run seed -- RESOURCE COUNT\n  Resources: ${known}`)
  }
  const workload = findWorkload(name)
  if (!/^[1-9]\d{0,8}$/.test(countText)) throw new CliError(`Invalid count '${countText}': expected 1 to 999999999.`)
  const count = Number(countText)
  const project = await openOwnProject()
  const database = await writableDatabase(project)
  const startedAt = performance.now()
  for (const statement of parentInsertions(workload)) await project.sql(database, statement)
  const last = Number(await project.sql(database, `SELECT COALESCE(MAX(id), 0) FROM ${workload.table}`))
  for (let done = 0; done < count; ) {
    const batch = Math.min(batchRows, count - done)
    await project.sql(database, insertion(workload, { from: last + done + 1, count: batch }))
    done += batch
    if (done < count) console.log(`  ${done.toLocaleString('en')} of ${count.toLocaleString('en')} rows`)
  }
  const seconds = (performance.now() - startedAt) / 1000
  const rate = Math.round(count / seconds).toLocaleString('en')
  console.log(`✓ ${count.toLocaleString('en')} rows of ${workload.name} in ${seconds.toFixed(1)} s: ${rate} rows/s`)
})
