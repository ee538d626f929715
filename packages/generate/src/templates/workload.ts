import type { Field } from '../fields.ts'
import type { Names } from '../names.ts'
import { grouped, kindOf } from './kinds.ts'

/** The resource as the drills use it. */
export function workload({ plural, folder, table, pluralWords }: Names, fields: readonly Field[]): string {
  const values = fields.map((field) => `${field.name}: ${kindOf(field).load}`)
  const code = fields.map((field) => kindOf(field).load.replaceAll(/'[^']*'/g, '')).join()
  const uses = (name: string) => new RegExp(`(?<!\`)\\b${name}\\b`).test(code)
  const parameters = uses('distinct') ? (uses('n') ? 'n, distinct' : '_n, distinct') : uses('n') ? 'n' : ''
  const capacity = Math.min(...fields.map((field) => kindOf(field).capacity ?? Number.POSITIVE_INFINITY))
  const parents = [
    ...new Set(fields.flatMap(({ type }) => (type.kind === 'ref' && !type.self ? [`'testdb.${type.table}'`] : []))),
  ]
  return `import { entriesWorkload } from '../entries.ts'

/** The ${pluralWords}. */
export const ${plural} = entriesWorkload({
  name: '${folder}',
  table: 'testdb.${table}',
${parents.length > 0 ? `  parents: [${parents.join(', ')}],\n` : ''}  entry: (${parameters}) => ({ ${values.join(', ')} }),
  numberedRow: {
    columns: '${fields.map(({ column }) => column).join(', ')}',
    values: \`${fields.map((field) => kindOf(field).numbered).join(', ')}\`,
${Number.isFinite(capacity) ? `    capacity: ${grouped(capacity)},\n` : ''}  },
})
`
}
