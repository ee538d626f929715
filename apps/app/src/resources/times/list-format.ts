import type { Page } from './page-reader.ts'

/** How a list of times is written. The repository writes `prefix` and `suffix` around each time. */
export interface ListFormat {
  readonly contentType: string
  readonly prefix: string
  readonly suffix: string
  /** Takes the place of the first byte, a separator. */
  readonly open: string
  readonly close: string
  readonly empty: string
}

/** As Python's `json.dumps(list, indent=2)` prints it. */
export const json: ListFormat = {
  contentType: 'application/json',
  prefix: ',\n  "',
  suffix: '"',
  open: '[',
  close: '\n]',
  empty: '[]',
}

/** One JSON string per line. */
export const ndjson: ListFormat = {
  contentType: 'application/x-ndjson',
  prefix: '\n"',
  suffix: '"',
  open: '',
  close: '\n',
  empty: '',
}

/** Concurrent requests may share a page, and so the body made from it. */
const bodyCache = new WeakMap<Page, Buffer>()

/** The body of a list that is one page. */
export function completeBody(page: Page, format: ListFormat): Buffer {
  const body =
    bodyCache.get(page) ??
    Buffer.concat([openBody(page, format), Buffer.from(page.text.length > 0 ? format.close : '')])
  bodyCache.set(page, body)
  return body
}

/** The beginning of a body, with the first page. */
export function openBody({ text }: Page, { open, empty }: ListFormat): Buffer {
  return text.length === 0 ? Buffer.from(empty) : Buffer.concat([Buffer.from(open), text.subarray(1)])
}
