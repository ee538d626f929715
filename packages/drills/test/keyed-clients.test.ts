import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { waitFor } from '@repo/compose'
import { expect, it } from 'vitest'
import { openKeyedClients } from '../src/keyed-clients.ts'
import { type LoadOptions, startLoad } from '../src/load.ts'

const workload: LoadOptions['workload'] = {
  newestPath: '/list',
  write: () => ({ method: 'GET', path: '/write' }),
  acknowledged: ({ status }) => (status === 201 ? { from: 1, to: 2 } : undefined),
  listed: () => [],
}

/** Runs a load of writes against a server of the test's own until `count` have ended. */
async function load(listener: (key: string, req: IncomingMessage, res: ServerResponse) => void, count: number) {
  const server = createServer((req, res) => listener(String(req.headers['idempotency-key']), req, res))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const clients = openKeyedClients(url, workload, { writesPerSecond: 100, readsPerSecond: 0 })
  const running = startLoad(clients)
  await waitFor(`${count} writes`, () => running.attempts.length >= count, { intervalMs: 10 })
  const attempts = await running.stop()
  clients.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  return { attempts, clients }
}

it.concurrent('sends each write again with its key until it is acknowledged', async () => {
  const tries = new Map<string, number>()
  const { attempts, clients } = await load((key, req, res) => {
    expect(req.method).toBe('POST')
    tries.set(key, (tries.get(key) ?? 0) + 1)
    if (tries.get(key) === 1) res.writeHead(503).end()
    else res.writeHead(201).end()
  }, 20)
  expect(attempts.map(({ outcome }) => outcome)).toEqual(attempts.map(() => 'succeeded'))
  expect(tries.size).toBe(attempts.length)
  expect(clients.repeated()).toBeGreaterThanOrEqual(attempts.length)
  expect(clients.unanswered()).toEqual([])
})

it.concurrent('does not send again what is refused for good', async () => {
  const { attempts, clients } = await load((_key, _req, res) => res.writeHead(500).end(), 20)
  expect(new Set(attempts.map(({ detail }) => detail))).toEqual(new Set(['500']))
  expect(clients.unanswered()).toHaveLength(attempts.length)
})
