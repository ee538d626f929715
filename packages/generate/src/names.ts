import { pluralOf } from '@repo/drills/plural.ts'
import { CliError } from '@repo/ops/cli.ts'
import { reservedWords } from './reserved-words.ts'

/** The names of a resource in code, SQL and paths. */
export interface Names {
  /** `LineItem` */
  readonly pascal: string
  /** `lineItems`, the name of the resource in code. */
  readonly plural: string
  /** `LineItems` */
  readonly pluralPascal: string
  /** `line-items`: the folder, and the path without its slash. */
  readonly folder: string
  /** `line_items` */
  readonly table: string
  /** `line item`, in text. */
  readonly words: string
  /** `a line item` */
  readonly aWord: string
  /** `line items`, in text. */
  readonly pluralWords: string
}

/**
 * @param name as `lineItem` or `line-item`, in the singular.
 * @param plural @default by the rules of English
 * @throws {CliError} for a name of another form, and one that is a plural or reserved.
 */
export function namesOf(name: string, plural?: string): Names {
  const singularParts = partsOf(name)
  if (plural === undefined && /[^sui]s$/.test(name)) {
    throw new CliError(
      `'${name}' looks like a plural. Give the singular, or, if it is one, its plural as well: --plural ${name}es`,
    )
  }
  const pluralParts = plural === undefined ? pluralOf(singularParts.join('-')).split('-') : partsOf(plural)
  const names = {
    pascal: pascal(singularParts),
    plural: camel(pluralParts),
    pluralPascal: pascal(pluralParts),
    folder: pluralParts.join('-'),
    table: pluralParts.join('_'),
    words: singularParts.join(' '),
    aWord: `${articleOf(name)} ${singularParts.join(' ')}`,
    pluralWords: pluralParts.join(' '),
  }
  const singular = camel(singularParts)
  if (singular === names.plural) {
    throw new CliError(`The plural must differ from the singular '${name}': --plural ${name}List, for example.`)
  }
  for (const word of [singular, names.plural]) {
    if (keywords.has(word)) throw new CliError(`'${word}' is a reserved word of TypeScript. Take another name.`)
  }
  if (usedNames.has(names.plural)) {
    throw new CliError(`The code of a resource has another use for '${names.plural}'. Take another --plural.`)
  }
  if (names.table.length > 64) throw new CliError(`The name '${names.table}' exceeds MySQL's 64 characters.`)
  if (reservedWords.has(names.table)) {
    throw new CliError(`'${names.table}' is a reserved word of MySQL. Take another name, or another --plural.`)
  }
  return names
}

/** @throws {CliError} for a name of another form, and for one that MySQL or the code has another use for. */
export function columnOf(field: string): string {
  if (!/^[a-z][A-Za-z0-9]*$/.test(field) || camel(partsOf(field)) !== field) {
    throw new CliError(`Invalid field name '${field}': expected the form 'dueAt'.`)
  }
  const column = snakeCase(field)
  if (column === 'id' || column === 'created_at') throw new CliError(`Every resource has the field '${field}' already.`)
  if (reservedWords.has(column)) {
    throw new CliError(
      `The field name '${field}' is a reserved word of MySQL. Take another one, such as '${field}Name'.`,
    )
  }
  if (field in Object.prototype || ['limit', 'after'].includes(field)) {
    throw new CliError(`The field name '${field}' has another use. Take another one.`)
  }
  return column
}

/** `line_items` of `lineItems` or `line-items`. @throws {CliError} for a name of another form. */
export const snakeCase = (name: string) => partsOf(name).join('_')

/** The lower-case words of a name. */
function partsOf(name: string): string[] {
  if (!/^[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*|[A-Z][a-z0-9]*)*$/.test(name) || name.length > 40) {
    throw new CliError(
      `Invalid name '${name}': expected at most 40 letters and digits of the form 'lineItem' or 'line-item'.`,
    )
  }
  return name.split(/-|(?=[A-Z])/).map((part) => part.toLowerCase())
}

const capital = (part: string) => part.charAt(0).toUpperCase() + part.slice(1)
const pascal = (parts: readonly string[]) => parts.map(capital).join('')
const camel = ([first = '', ...others]: readonly string[]) => first + pascal(others)

/** By the sound of a word: a user, an hour. */
const articleOf = (word: string) =>
  /^(hour|heir|hono|hones)/.test(word) ||
  (/^[aeiou]/.test(word) && !/^(eu|one(?!r)|once|uni(?!n|m)|u[bcfhjkqrt][aeiou]|us[aeu])/.test(word))
    ? 'an'
    : 'a'

/** Reserved in modules. */
const keywords = new Set(
  (
    'arguments await break case catch class const continue debugger default delete do else enum eval export extends ' +
    'false finally for function if implements import in instanceof interface let new null package private protected ' +
    'public return static super switch this throw true try typeof undefined var void while with yield'
  ).split(' '),
)

/** What the modules that have the plural declare or import beside it; the page imports `setUpEntries`. */
const usedNames = new Set(
  (
    'afterAll app beforeAll beforeEach change client create createAnswerOnce createContract createDatabaseClient ' +
    'createTestApp defineResource describe endpoints entries entriesWorkload expect it request sample server startMigrated'
  ).split(' '),
)
