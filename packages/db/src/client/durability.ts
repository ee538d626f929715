import type { RowDataPacket } from 'mysql2'
import { type Connection, query } from './connection.ts'

/** What the acknowledgement of a write means. */
export interface Durability {
  /**
   * On how many machines a write is when it is acknowledged. `managed`: the storage itself replicates, as Aurora's does.
   */
  readonly copies: 'one' | 'two' | 'managed'
  /** When this client first saw it so: one measurement after it began, or when it measured first. */
  readonly since: Date
  /** Transactions that were acknowledged on one machine, or on two: counted by the writer, since its start. */
  readonly transactions: { readonly one: number; readonly two: number }
}

type Measured = Omit<Durability, 'since'>

/** Asks a writer; needs no privilege. */
async function measureDurability(connection: Connection): Promise<Measured> {
  const status = await query(connection, "SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_source_%'")
  if (status.length > 0) return durabilityOf(status, false)
  return durabilityOf([], (await query(connection, "SHOW GLOBAL VARIABLES LIKE 'aurora_version'")).length > 0)
}

/** @param status the rows of SHOW STATUS; none without the plugin, as on Aurora. */
export function durabilityOf(status: readonly Pick<RowDataPacket, string>[], aurora: boolean): Measured {
  const values = new Map(status.map(({ Variable_name, Value }) => [Variable_name, Value]))
  const value = (name: string) => values.get(`Rpl_semi_sync_source_${name}`)
  const transactions = { one: Number(value('no_tx') ?? 0), two: Number(value('yes_tx') ?? 0) }
  if (aurora) return { copies: 'managed', transactions }
  // Of its own accord the server switches to asynchronous replication, whose readers stay connected.
  return { copies: value('status') === 'ON' && Number(value('clients')) > 0 ? 'two' : 'one', transactions }
}

/** Remembers since when the durability is what it is. Undefined until the first measurement. */
export function createDurabilityMonitor(measure: (connection: Connection) => Promise<Measured> = measureDurability) {
  let latest: Durability | undefined
  return {
    latest: () => latest,
    async measure(connection: Connection): Promise<void> {
      const measured = await measure(connection)
      const since = latest?.copies === measured.copies ? latest.since : new Date()
      latest = { ...measured, since }
    },
  }
}
