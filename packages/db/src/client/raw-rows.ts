import mysql, { type Query } from 'mysql2'
import { type Connection, query } from './connection.ts'

/**
 * Takes one row: its values from `offset` on, in order, each as text behind its length (one byte up to 250 bytes; 251
 * is NULL). The bytes are the driver's own and must be copied.
 */
export type TakeRow = (bytes: Buffer, offset: number) => void

/**
 * Runs a SELECT and gives each row as the bytes that came. Making values of them, as the driver does, costs more than
 * everything else of a long list.
 *
 * @throws {DatabaseError}
 */
export async function readRawRows(
  connection: Connection,
  sql: string,
  values: unknown[],
  take: TakeRow,
): Promise<void> {
  await query(connection, sql, values, (command) => replaceRowState(command, take))
}

/** The driver's packet, as far as it is used. */
interface Packet {
  readonly buffer: Buffer
  readonly offset: number
  isEOF(): boolean
}

type State = (this: unknown, packet: Packet, connection: unknown) => unknown

/**
 * The driver's command is a state machine whose states are methods; this replaces the one that reads a row.
 * https://github.com/sidorares/node-mysql2/blob/master/lib/commands/query.js
 */
function replaceRowState(command: Query, take: TakeRow): void {
  const states = command as unknown as { row: State }
  const original = states.row
  states.row = function row(packet, connection) {
    if (packet.isEOF()) return original.call(this, packet, connection)
    take(packet.buffer, packet.offset)
    return row
  }
}

/** The part of the driver that {@link checkDriver} runs. */
export interface Driver {
  createQuery(sql: string, values: unknown[], callback: () => void, config: object): unknown
}

/**
 * Runs a result set of one row through the driver's states, without a connection.
 *
 * @throws when the row does not arrive: {@link replaceRowState} relies on what is no public interface.
 */
export function checkDriver(driver: Driver = mysql as unknown as Driver): void {
  const row = Buffer.from('\x051 row')
  const taken: string[] = []
  try {
    const command = driver.createQuery('', [], () => {}, {}) as Query & {
      execute(packet: unknown, to: unknown): boolean
    }
    replaceRowState(command, (bytes, offset) => taken.push(bytes.toString('latin1', offset, offset + row.length)))
    let sent: object | undefined
    const connection = {
      config: { clientFlags: 0, charsetNumber: 45 },
      clientEncoding: 'utf8',
      _handshakePacket: { capabilityFlags: 0 },
      _resetSequenceId() {},
      writePacket(packet: object) {
        sent = packet
      },
    }
    command.execute(undefined, connection)
    const Packet = sent?.constructor as new (id: number, bytes: Buffer, start: number, end: number) => Packet
    const ended = [oneColumn, column, endOfData, row, endOfData].map((content) => {
      const bytes = Buffer.concat([Buffer.alloc(4), content])
      return command.execute(new Packet(0, bytes, 0, bytes.length), connection)
    })
    if (ended.indexOf(true) === 4 && taken.join() === row.toString()) return
  } catch {
    // What fails is as changed as what does nothing.
  }
  throw new Error('mysql2 has changed inside: raw-rows.ts replaces a private method that no longer reads the rows')
}

// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset.html
const oneColumn = Buffer.from([1])
const endOfData = Buffer.from([0xfe, 0, 0, 0, 0])
const column = Buffer.concat([
  Buffer.from('\x03def\x00\x00\x00\x03row\x00\x0c', 'latin1'),
  // utf8mb4, VARCHAR(5), no flags
  Buffer.from([45, 0, 20, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0]),
])
