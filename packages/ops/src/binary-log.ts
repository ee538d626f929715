// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_replication_binlog_event.html
const magic = Buffer.from([0xfe, 0x62, 0x69, 0x6e])
const headerBytes = 19
const gtidEvent = 33
const gtidTaggedEvent = 42

/** What {@link transactionsBefore} has read. */
export interface Position {
  /** The last transaction, as a GTID. */
  last?: string
  /** True once a transaction was found that was committed at the time or later. */
  ended: boolean
}

/**
 * The part of a binary log up to the first transaction that was committed at `time` or later.
 *
 * @param log a complete file, with whole transactions.
 * @param time milliseconds since 1970.
 * @param position is kept up to date.
 */
export async function* transactionsBefore(
  log: AsyncIterable<Buffer>,
  time: number,
  position: Position,
): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  let started = false
  for await (const part of log) {
    rest = rest.length === 0 ? part : Buffer.concat([rest, part])
    let at = 0
    if (!started) {
      if (rest.length < magic.length) continue
      if (!rest.subarray(0, magic.length).equals(magic)) throw new Error('not a binary log, or an encrypted one')
      started = true
      at = magic.length
    }
    for (let size = eventSize(rest, at); size !== undefined; size = eventSize(rest, at)) {
      const event = rest.subarray(at, at + size)
      if (event[4] === gtidTaggedEvent) throw new Error('GTIDs with tags are not supported')
      if (event[4] === gtidEvent) {
        if (committedAt(event) >= time * 1000) {
          position.ended = true
          yield rest.subarray(0, at)
          return
        }
        position.last = gtidOf(event)
      }
      at += size
    }
    yield rest.subarray(0, at)
    rest = rest.subarray(at)
  }
  if (!started || rest.length > 0) throw new Error('its end is missing')
}

/** Undefined if the event is not complete. */
function eventSize(bytes: Buffer, at: number): number | undefined {
  if (bytes.length < at + headerBytes) return undefined
  const size = bytes.readUInt32LE(at + 9)
  if (size < headerBytes) throw new Error(`damaged at byte ${at}`)
  return bytes.length < at + size ? undefined : size
}

function gtidOf(event: Buffer): string {
  const uuid = event.toString('hex', 20, 36).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  return `${uuid}:${event.readBigUInt64LE(36)}`
}

/** When the transaction was first committed, in microseconds since 1970. Follows after if it was replicated. */
function committedAt(event: Buffer): number {
  const immediate = 61
  const isReplicated = event.readUInt8(immediate + 6) >= 0x80
  const at = isReplicated ? immediate + 7 : immediate
  return event.readUIntLE(at, 6) + (event.readUInt8(at + 6) & 0x7f) * 2 ** 48
}
