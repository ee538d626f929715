/** A value of a field, as the API has it. */
export type Value = string | number | boolean | null

/** Values by the names of their fields. */
export type Values = Readonly<Record<string, Value>>

/** An input of a form, with the name of its field: what of its element counts here. */
export interface Input {
  readonly name: string
  readonly required: boolean
  readonly dataset: { readonly type?: string | undefined }
  value: string
  checked?: boolean
}

/** What the inputs have. */
export const readInputs = (inputs: readonly Input[]): Values =>
  Object.fromEntries(inputs.map((input) => [input.name, readInput(input)]))

/** The values that are others than before. */
export const changesBetween = (before: Values, after: Values): Values =>
  Object.fromEntries(Object.entries(after).filter(([name, value]) => value !== before[name]))

/** What the API expects for an input. An empty one is null if it may be. */
function readInput(input: Input): Value {
  const { type } = input.dataset
  if (type === 'boolean') return input.checked === true
  if (input.value === '') return input.required ? '' : null
  if (type === 'number') return Number(input.value)
  return type === 'datetime' ? `${withSeconds(input.value)}Z` : input.value
}

/** Browsers omit seconds that are 0. */
const withSeconds = (text: string) => (text.length === 16 ? `${text}:00` : text)

/** Shows a value of an entry. */
export function fill(input: Input, value: Value): void {
  const { type } = input.dataset
  if (type === 'boolean') input.checked = value === true
  else if (type === 'datetime') input.value = String(value ?? '').slice(0, 19)
  else input.value = String(value ?? '')
}

/** The most characters in a cell of a list. */
const cellLength = 100

/** A value in a list: a time without its milliseconds, the beginning of a long text. */
export function textOf(value: Value): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  const text = String(value ?? '').replace(/^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})\.\d{3}Z$/, '$1 $2')
  const characters = [...text]
  return characters.length > cellLength ? `${characters.slice(0, cellLength).join('')}…` : text
}
