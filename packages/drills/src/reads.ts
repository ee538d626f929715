import { type Arena, until } from './arena.ts'

/** Waits under load until the reader answers reads; gives the seconds that it took. */
export async function readsReturn(arena: Arena): Promise<number> {
  const since = performance.now()
  const before = await selects(arena)
  // More than the measuring of its lag and the health checks make of it in the time.
  await until('the reader answers reads', async () => (await selects(arena)) > before + 25, 20_000)
  return (performance.now() - since) / 1000
}

async function selects(arena: Arena): Promise<number> {
  return Number((await arena.stack.sql('db-reader', "SHOW GLOBAL STATUS LIKE 'Com_select'")).split('\t')[1])
}
