import type { Field } from '../fields.ts'
import type { Names } from '../names.ts'
import { kindOf } from './kinds.ts'

/** `main.html`: the form and the list. */
export function pageHtml({ folder, words, pluralWords }: Names, fields: readonly Field[]): string {
  const inputs = fields.map((field) => {
    const input = kindOf(field).input.replace(/^<(\w+)/, `<$1 name="${field.name}"`)
    return `    <label>${labelOf(field)} ${input}</label>`
  })
  const headings = fields.map((field) => `        <th scope="col" data-field="${field.name}">${labelOf(field)}</th>`)
  return `<section id="${folder}" class="card entries" aria-labelledby="${folder}-title">
  <h2 id="${folder}-title">${capital(pluralWords)}</h2>
  <form>
${inputs.join('\n')}
    <div class="buttons">
      <button type="submit" class="primary">Save ${words}</button>
      <button type="reset" hidden>Cancel</button>
    </div>
    <output aria-live="polite"></output>
  </form>
  <!-- biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard -->
  <section class="scroll" tabindex="0" aria-label="${capital(pluralWords)}, newest first">
    <table>
      <thead><tr>
        <th scope="col" data-field="createdAt">Created (UTC)</th>
${headings.join('\n')}
        <th scope="col"><span class="visually-hidden">Actions</span></th>
      </tr></thead>
      <tbody></tbody>
    </table>
    <p class="aside" hidden>No ${pluralWords} are stored yet.</p>
    <button type="button" class="more" hidden>Show more</button>
  </section>
</section>
`
}

/** `head.html`. */
export const pageHead = '<link rel="stylesheet" href="entries.css">\n'

/** `index.ts`. */
export function pageModule({ pluralPascal, folder, pluralWords }: Names): string {
  return `import { setUpEntries } from '../entries.ts'
import type { Resource } from '../resource.ts'

/** Sets up the form and the list of ${pluralWords}. */
export const setUp${pluralPascal} = (): Resource => setUpEntries('${folder}', '/${folder}')
`
}

/** `Due at (UTC)` */
const labelOf = ({ name, type }: Field) =>
  capital(name.replaceAll(/(?=[A-Z])/g, ' ').toLowerCase()) + (type.kind === 'datetime' ? ' (UTC)' : '')

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
