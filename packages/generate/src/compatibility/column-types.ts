/** What a column can hold, as information_schema describes it. */
export interface ColumnType {
  /** `varchar(200)`, `int unsigned`, `enum('open','closed')` */
  readonly type: string
  /** The most characters of a text; 0 for other types. */
  readonly characters: number
  /** The most bytes of a text or binary value; 0 for other types. */
  readonly bytes: number
  /** Empty for what is no text. */
  readonly charset: string
}

/** Whether a column of the type `to` holds every value that one of the type `from` holds, and returns it the same. */
export function isWider(to: ColumnType, from: ColumnType): boolean {
  const [toType, fromType] = [parse(to.type), parse(from.type)]
  const kind = kindOf(fromType.name)
  if (kind === undefined || kind !== kindOf(toType.name)) return to.type === from.type && to.charset === from.charset
  switch (kind) {
    case 'integer': {
      const [wide, narrow] = [rangeOf(toType), rangeOf(fromType)]
      return wide.min <= narrow.min && wide.max >= narrow.max
    }
    // It is returned with all digits of its fraction. So is a time, which is none of these kinds.
    case 'decimal': {
      const [[toDigits = 10, toScale = 0], [fromDigits = 10, fromScale = 0]] = [toType.numbers, fromType.numbers]
      return acceptsSign(toType, fromType) && toScale === fromScale && toDigits >= fromDigits
    }
    case 'float':
      return (
        acceptsSign(toType, fromType) &&
        (toType.name === 'double' || fromType.name === 'float') &&
        String(toType.numbers) === String(fromType.numbers)
      )
    case 'values':
      return toType.name === fromType.name && fromType.values.every((value, index) => toType.values[index] === value)
    case 'text':
      // Spaces at the end of a CHAR are not stored.
      return (
        (toType.name !== 'char' || fromType.name === 'char') &&
        to.characters >= from.characters &&
        to.bytes >= from.bytes &&
        (to.charset === from.charset || (widerCharsets[from.charset] ?? []).includes(to.charset))
      )
    case 'bytes':
      // A BINARY is filled up to its length.
      return to.type === from.type || (toType.name !== 'binary' && to.bytes >= from.bytes)
  }
}

interface ParsedType {
  readonly name: string
  /** Within the parentheses. */
  readonly numbers: readonly number[]
  readonly values: readonly string[]
  readonly unsigned: boolean
}

function parse(type: string): ParsedType {
  const [, name = '', list = '', attributes = ''] = /^(\w+)(?:\((.*)\))?(.*)$/.exec(type) ?? []
  return {
    name,
    numbers: list === '' || list.startsWith("'") ? [] : list.split(',').map(Number),
    values: list.match(/'(?:[^']|'')*'/g) ?? [],
    unsigned: attributes.includes('unsigned'),
  }
}

const integerBits: Readonly<Record<string, bigint>> = {
  tinyint: 8n,
  smallint: 16n,
  mediumint: 24n,
  int: 32n,
  bigint: 64n,
}

const kinds = {
  integer: Object.keys(integerBits),
  decimal: ['decimal'],
  float: ['float', 'double'],
  values: ['enum', 'set'],
  text: ['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext'],
  bytes: ['binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob'],
} as const

type Kind = keyof typeof kinds

const kindOf = (name: string): Kind | undefined =>
  (Object.keys(kinds) as Kind[]).find((kind) => (kinds[kind] as readonly string[]).includes(name))

function rangeOf({ name, unsigned }: ParsedType): { min: bigint; max: bigint } {
  const bits = integerBits[name] ?? 0n
  return unsigned ? { min: 0n, max: 2n ** bits - 1n } : { min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n }
}

const acceptsSign = (to: ParsedType, from: ParsedType) => !to.unsigned || from.unsigned

/** The character sets that have all characters of another one. */
const widerCharsets: Readonly<Record<string, readonly string[]>> = {
  ascii: ['latin1', 'utf8mb3', 'utf8mb4'],
  latin1: ['utf8mb3', 'utf8mb4'],
  utf8mb3: ['utf8mb4'],
}
