/** What the gauge needs to know. Times are in milliseconds. */
export interface ReaderLagOptions {
  /** The id of the newest row that the endpoint has; 0 when there is none. */
  readonly newest: (endpoint: 'writer' | 'reader') => Promise<number>
  readonly intervalMs: number
}

/** See {@link createReaderLag}. */
export interface ReaderLag {
  /** For how long the reader has lacked a row that the writer had; 0 if it lacked none when measured last. */
  ms(): number
  stop(): void
}

/**
 * Tells how far the reader is behind, by rows alone: the application has no right to look at the replication, and
 * Aurora's has other views than MySQL's. Measures at intervals from now on. While the writer cannot be asked the
 * reader counts as up to date: old rows are better than none.
 */
export function createReaderLag({ newest, intervalMs }: ReaderLagOptions): ReaderLag {
  /** What the writer had and the reader lacked when it was asked last; oldest first. */
  let lacking: { readonly seenAt: number; readonly id: number }[] = []
  let measuring = false

  async function measure(): Promise<void> {
    if (measuring) return
    measuring = true
    const seenAt = performance.now()
    try {
      const id = await newest('writer')
      // Smaller ids than before: the table was emptied, and what was seen of it means nothing any more.
      lacking = [...lacking.filter((seen) => seen.id <= id), { seenAt, id }]
      // The oldest says how far behind; some younger ones say how far it has come, when it catches up.
      if (lacking.length > 60) lacking.splice(1, 1)
    } catch {
      lacking = []
    }
    // A reader that cannot be asked lacks what it lacked; that it is away shows in other ways.
    const reached = await newest('reader').catch(() => 0)
    lacking = lacking.filter((seen) => seen.id > reached)
    measuring = false
  }

  const timer = setInterval(measure, intervalMs)
  timer.unref()
  const ms = () => (lacking[0] === undefined ? 0 : performance.now() - lacking[0].seenAt)
  return { ms, stop: () => clearInterval(timer) }
}
