import type { Field } from '../fields.ts'
import type { Names } from '../names.ts'
import { kindOf } from './kinds.ts'

/** The resource as the drills use it. */
export function workload({ plural, folder, table, pluralWords }: Names, fields: readonly Field[]): string {
  const values = fields.map((field) => `${field.name}: ${field.unique ? kindOf(field).random : kindOf(field).sample}`)
  const uses = (text: RegExp) => values.some((value) => text.test(value))
  const imports = ['randomInt', 'randomUUID'].filter((name) => uses(new RegExp(`\\b${name}\\(`)))
  const parents = [
    ...new Set(fields.flatMap(({ type }) => (type.kind === 'ref' && !type.self ? [`'testdb.${type.table}'`] : []))),
  ]
  return `${imports.length > 0 ? `import { ${imports.join(', ')} } from 'node:crypto'\n` : ''}import { entriesWorkload } from '../entries.ts'

/** The ${pluralWords}. */
export const ${plural} = entriesWorkload({
  name: '${folder}',
  table: 'testdb.${table}',
${parents.length > 0 ? `  parents: [${parents.join(', ')}],\n` : ''}  entry: (${uses(/\bn\b/) ? 'n' : ''}) => ({ ${values.join(', ')} }),
  numberedRow: {
    columns: '${fields.map(({ column }) => column).join(', ')}',
    values: \`${fields.map((field) => kindOf(field).sqlSample).join(', ')}\`,
  },
})
`
}
