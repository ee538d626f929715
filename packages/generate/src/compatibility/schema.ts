import { type ColumnType, isWider } from './column-types.ts'
import type { Finding } from './finding.ts'

/** A column, as far as a release depends on it. */
export interface Column extends ColumnType {
  readonly collation: string
  readonly nullable: boolean
  /** The value that an INSERT without it stores: `null`, `value`, or `none`, which refuses the INSERT. */
  readonly fallback: 'null' | 'value' | 'none'
  /** Computed by the server: no INSERT may set it. */
  readonly generated: boolean
}

/** An index. */
export interface Key {
  /** In their order; with a length for a prefix, an expression for a functional part. */
  readonly columns: readonly string[]
  readonly unique: boolean
  readonly visible: boolean
}

/** A table or a view. */
export interface Table {
  readonly columns: ReadonlyMap<string, Column>
  readonly keys: ReadonlyMap<string, Key>
  /** The columns of each foreign key, and what they refer to. */
  readonly references: ReadonlyMap<string, { readonly columns: readonly string[]; readonly target: string }>
  /** The clause of each enforced CHECK, with the columns in backticks. */
  readonly checks: ReadonlyMap<string, string>
}

/** The tables of a database, by name. */
export type Schema = ReadonlyMap<string, Table>

/** What of `after` breaks a release that was made for `before`. What is wider or new passes. */
export function compareSchemas(before: Schema, after: Schema): Finding[] {
  return [...before].flatMap(([name, table]) => {
    const changed = after.get(name)
    return changed === undefined ? [gone(name, 'the table')] : compareTables(name, table, changed)
  })
}

function compareTables(name: string, before: Table, after: Table): Finding[] {
  const pair = { before, after, of: (part: string) => `${name}.${part}` }
  return [...columnFindings(pair), ...keyFindings(pair), ...referenceFindings(pair), ...checkFindings(pair)]
}

interface Pair {
  readonly before: Table
  readonly after: Table
  /** The name of a part of the table. */
  readonly of: (part: string) => string
}

function columnFindings({ before, after, of }: Pair): Finding[] {
  const former = [...before.columns].flatMap(([name, column]) => {
    const changed = after.columns.get(name)
    return changed === undefined ? [gone(of(name), 'the column')] : compareColumns(of(name), column, changed)
  })
  const added = [...after.columns].filter(([name]) => !before.columns.has(name))
  const required = added.filter(([, { fallback, generated }]) => fallback === 'none' && !generated)
  return [...former, ...required.map(([name]) => withoutDefault(of(name)))]
}

function keyFindings({ before, after, of }: Pair): Finding[] {
  const lost = [...before.keys].filter(
    ([name, key]) => !isKept(name, key, after) && !lacksSome(key.columns, before, after),
  )
  const unique = [...after.keys].filter(
    ([, { columns, unique }]) => unique && !hasUnique(before, columns) && !someIsNull(columns, before, after),
  )
  return [
    ...lost.map(([name]) => gone(of(name), 'the key')),
    ...unique.map(([name, { columns }]) => restriction(of(name), `UNIQUE (${columns.join(', ')})`)),
  ]
}

function referenceFindings({ before, after, of }: Pair): Finding[] {
  const has = ({ references }: Table, target: string) =>
    [...references.values()].some((reference) => reference.target === target)
  const lost = [...before.references].filter(
    ([, { columns, target }]) => !has(after, target) && !lacksSome(columns, before, after),
  )
  const added = [...after.references].filter(
    ([, { columns, target }]) => !has(before, target) && !someIsNull(columns, before, after),
  )
  return [
    ...lost.map(([name]) => gone(of(name), 'the foreign key')),
    ...added.map(([name, { target }]) => restriction(of(name), `FOREIGN KEY ${target}`)),
  ]
}

function checkFindings({ before, after, of }: Pair): Finding[] {
  const known = [...before.checks.values()]
  const added = [...after.checks].filter(
    ([, clause]) => !known.includes(clause) && namesSome(clause, before.columns.keys()),
  )
  return added.map(([name, clause]) => restriction(of(name), `CHECK ${clause}`))
}

function compareColumns(object: string, before: Column, after: Column): Finding[] {
  const [type, value] = [typeProblem(before, after), valueProblem(before, after)]
  const replace = `Add a column beside it and write both; drop this one later. ${declare(object)}`
  const prepare = `Release first what always sets a value. ${declare(object)}`
  return [
    ...(type === undefined ? [] : [{ object, problem: type, wayOut: replace }]),
    ...(value === undefined ? [] : [{ object, problem: value, wayOut: after.generated ? replace : prepare }]),
  ]
}

function typeProblem(before: Column, after: Column): string | undefined {
  if (!isWider(after, before)) {
    return `${typesOf(before, after)}, which does not hold all of its values or returns them otherwise`
  }
  if (before.charset !== after.charset || before.collation === after.collation) return undefined
  return `its collation becomes ${after.collation}, which compares and sorts otherwise`
}

function valueProblem(before: Column, after: Column): string | undefined {
  if (after.generated && !before.generated) return 'it becomes a generated column, which the release before cannot set'
  if (before.nullable && !after.nullable) return 'it becomes NOT NULL, and the release before may store NULL'
  if (before.fallback === 'none' || after.fallback !== 'none') return undefined
  return 'it has no default any more, and the release before may leave it out'
}

function typesOf(before: Column, after: Column): string {
  const charset = ({ charset }: Column) => (before.charset === after.charset ? '' : ` in ${charset}`)
  return `${before.type}${charset(before)} becomes ${after.type}${charset(after)}`
}

/** Present as it was; or, if it is not unique, another one begins with its columns. */
function isKept(name: string, key: Key, { keys }: Table): boolean {
  const serves = (other: Key) =>
    (other.visible || !key.visible) && key.columns.every((column, index) => other.columns[index] === column)
  const same = keys.get(name)
  if (same && serves(same) && same.columns.length === key.columns.length && same.unique === key.unique) return true
  // The name of a unique key is in the error of a duplicate.
  return !key.unique && [...keys.values()].some(serves)
}

/** Whether a column is gone, which is a finding of its own. */
const lacksSome = (columns: readonly string[], before: Table, after: Table) =>
  columns.some((column) => before.columns.has(column) && !after.columns.has(column))

const hasUnique = ({ keys }: Table, columns: readonly string[]) =>
  [...keys.values()].some((key) => key.unique && key.columns.every((column) => columns.includes(column)))

/** Whether a row of the release before has NULL in one of the columns: then a unique or foreign key accepts it. */
const someIsNull = (columns: readonly string[], before: Table, after: Table) =>
  columns.some((column) => !before.columns.has(column) && after.columns.get(column)?.fallback === 'null')

const namesSome = (clause: string, columns: Iterable<string>) =>
  [...columns].some((column) => clause.includes(`\`${column}\``))

/** The last step: what a contracting migration has in its header. */
export const declare = (object: string) =>
  `Once the release before is ready for this, the migration declares: "-- Compatible: ${object}, REASON".`

const gone = (object: string, what: string): Finding => ({
  object,
  problem: `${what} is gone`,
  wayOut: `Expand, then contract: add what takes its place, and drop it in a later release. ${declare(object)}`,
})

const withoutDefault = (object: string): Finding => ({
  object,
  problem: 'the new column is NOT NULL without a default, so the release before cannot store a row',
  wayOut: 'Allow NULL or add a DEFAULT.',
})

const restriction = (object: string, what: string): Finding => ({
  object,
  problem: `${what} may refuse what the release before stores`,
  wayOut: `Release first what stores only such rows. ${declare(object)}`,
})
