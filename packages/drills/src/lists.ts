import type { Workload } from './workload.ts'

/**
 * Reads the list of every row, page by page. Each cursor carries on what its page was read from.
 *
 * @param headers of the request for the first page.
 * @returns the latest time that each row can have; undefined if a page is not as the contract promises.
 * @throws when there is no answer within half a minute.
 */
export async function readList(
  url: string,
  workload: Workload,
  headers: Readonly<Record<string, string>> = {},
): Promise<number[] | undefined> {
  const rows: number[] = []
  let path: string | undefined = workload.listPath
  for (let sent = headers; path !== undefined; sent = {}) {
    const response: Response = await fetch(url + path, { headers: sent, signal: AbortSignal.timeout(30_000) })
    const listed = workload.listed({ status: response.status, body: await response.text() })
    if (listed === undefined) return undefined
    rows.push(...listed)
    path = /<(.*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1]
  }
  return rows
}
