import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { type Position, transactionsBefore } from '../src/binary-log.ts'

const magic = Buffer.from([0xfe, 0x62, 0x69, 0x6e])

function event(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(19)
  header.writeUInt8(type, 4)
  header.writeUInt32LE(header.length + body.length, 9)
  return Buffer.concat([header, body])
}

/** Bytes of a 7-byte time in microseconds. */
function micros(ms: number, flag = 0): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(ms) * 1000n)
  bytes.writeUInt8(bytes.readUInt8(6) | flag, 6)
  return bytes.subarray(0, 7)
}

function transaction(number: number, committedAt: number, replicatedAt?: number): Buffer {
  const body = Buffer.alloc(42)
  body.fill(0xab, 1, 17)
  body.writeBigUInt64LE(BigInt(number), 17)
  const times = replicatedAt === undefined ? [micros(committedAt)] : [micros(replicatedAt, 0x80), micros(committedAt)]
  return Buffer.concat([event(33, Buffer.concat([body, ...times])), event(2, Buffer.from(`statement ${number}`))])
}

const start = Buffer.concat([magic, event(15, Buffer.from('format'))])
const time = Date.parse('2026-11-22T09:30:00Z')
const before = [transaction(1, time - 2000), transaction(2, time - 1)]

async function read(log: Buffer, pieceBytes = log.length): Promise<{ bytes: Buffer; position: Position }> {
  const position: Position = { ended: false }
  async function* pieces() {
    for (let at = 0; at < log.length; at += pieceBytes) yield log.subarray(at, at + pieceBytes)
  }
  return { bytes: await buffer(transactionsBefore(pieces(), time, position)), position }
}

describe('transactionsBefore', () => {
  it.each([[1], [7], [1000]])(
    'ends before the first transaction at the time, from pieces of %i bytes',
    async (size) => {
      const log = Buffer.concat([start, ...before, transaction(3, time), transaction(4, time - 1)])
      const { bytes, position } = await read(log, size)
      expect(bytes).toEqual(Buffer.concat([start, ...before]))
      expect(position).toEqual({ ended: true, last: 'abababab-abab-abab-abab-abababababab:2' })
    },
  )

  it('copies a log completely that ends before the time', async () => {
    const log = Buffer.concat([start, ...before])
    expect(await read(log)).toEqual({
      bytes: log,
      position: { ended: false, last: 'abababab-abab-abab-abab-abababababab:2' },
    })
  })

  it('uses the time at which a replicated transaction was committed first', async () => {
    const log = Buffer.concat([start, transaction(1, time - 1, time + 5000), transaction(2, time, time + 5000)])
    expect((await read(log)).position.last).toMatch(/:1$/)
  })

  it.each([
    ['another file', Buffer.from('not a log'), 'not a binary log'],
    ['an empty file', Buffer.alloc(0), 'end is missing'],
    ['a log without its end', Buffer.concat([start, ...before]).subarray(0, -1), 'end is missing'],
    ['a damaged log', Buffer.concat([start, Buffer.alloc(40)]), 'damaged at byte'],
    ['a GTID with a tag', Buffer.concat([start, event(42, Buffer.alloc(60))]), 'tags are not supported'],
  ])('fails on %s', async (_, log, message) => {
    await expect(read(log)).rejects.toThrow(message)
  })
})
