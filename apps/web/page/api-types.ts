// Generated from the app's schemas by `npm run openapi`.

/** The bodies of the API. */
export interface Schemas {
  readonly Time: string
  readonly Period: 'minute' | 'hour' | 'day'
  readonly Instant: string
  readonly Counts: {
    readonly per: Schemas['Period']
    readonly from: Schemas['Instant']
    /** The end of the range, exclusive */
    readonly to: Schemas['Instant']
    /** The sum of `counts` */
    readonly total: number
    /** The number of times in each period from `from` to `to` */
    readonly counts: readonly number[]
  }
  readonly Status: {
    /** The instance of the app tier that answers */
    readonly instance: string
    readonly writer: Schemas['Health']
    readonly reader: Schemas['Health']
    /** False if the reader is no server of its own but the writer */
    readonly hasReader: boolean
    /** Where reads go first */
    readonly readsFrom: 'reader' | 'writer'
    /** Replica lag; null while writer or reader is unavailable, and if both are one server */
    readonly readerLagMs: number | null
    /** What an acknowledgement means; null while the writer is unavailable */
    readonly durability: {
      /** On how many machines a write is when it is acknowledged; `managed`: the storage replicates, as on Aurora */
      readonly copies: 'one' | 'two' | 'managed'
      /** When this instance first saw it so */
      readonly since: string
      /** Transactions that were acknowledged on one machine, since the writer's start */
      readonly transactionsOnOne: number
    } | null
    /** Changes when the list of times does, so that a client can poll it; null while it is unknown */
    readonly newest: number | null
  }
  readonly Health: 'ok' | 'failed'
  /** RFC 9457. `detail` and `requestId` may be missing in one of a tier in front of the app. */
  readonly Problem: {
    readonly type: 'about:blank'
    readonly title: string
    readonly status: number
    readonly detail?: string
    readonly requestId?: string
  }
  readonly Readiness: {
    readonly ready: boolean
    readonly draining: boolean
    readonly writer: Schemas['Health']
    readonly reader: Schemas['Health']
  }
  /** RFC 9457. The write was sent, but no answer came in time or the connection was lost: it may or may not have been carried out. Who sends it again without an `Idempotency-Key` may store it twice. */
  readonly OutcomeUnknown: {
    readonly type: '/openapi.json#/components/schemas/OutcomeUnknown'
    readonly title: 'Outcome Unknown'
    readonly status: number
    readonly detail?: string
    readonly requestId?: string
  }
}
