import { EventEmitter } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Connection } from '../../src/client/connection.ts'
import { DatabaseError, DatabaseOverloaded, DatabaseTimeout, DatabaseUnavailable } from '../../src/client/errors.ts'
import { createPool, type Pool, type PoolOptions } from '../../src/client/pool.ts'

/** A connection without a server behind it. */
class FakeConnection extends EventEmitter {
  readonly number: number
  ended = false
  destroyed = false

  constructor(number: number) {
    super()
    this.number = number
  }

  end(): void {
    this.ended = true
  }

  destroy(): void {
    this.destroyed = true
  }
}

let pool: Pool
/** The connections in the order of their opening; each attempt waits to be let through. */
let attempts: { succeed(): FakeConnection; fail(reason?: string): void }[]
let opened: FakeConnection[]

function create(options: Partial<PoolOptions> = {}): void {
  attempts = []
  opened = []
  pool = createPool({
    name: 'writer',
    open: () =>
      new Promise((resolve, reject) => {
        attempts.push({
          succeed() {
            const connection = new FakeConnection(opened.length)
            opened.push(connection)
            resolve(connection)
            return connection
          },
          fail: (reason = 'refused') => reject(new Error(reason)),
        })
      }),
    limit: 2,
    queueLimit: 10,
    maxLifetimeMs: 60_000,
    maxIdleMs: 60_000,
    ...options,
  })
}

afterEach(async () => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  const closed = pool.close()
  for (const { fail } of attempts) fail()
  await closed
})

const inTime = () => performance.now() + 10_000
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A use whose work ends when the test says so; `connection` is the number of the one it got. */
function use(deadline = inTime()) {
  const work = Promise.withResolvers<void>()
  const started = Promise.withResolvers<number>()
  const result = pool.use(deadline, async (connection) => {
    const { number } = connection as unknown as FakeConnection
    started.resolve(number)
    await work.promise
    return number
  })
  result.catch(() => {})
  return { result, connection: started.promise, finish: work.resolve, fail: work.reject }
}

/** The number of the connection that a use gets which is the only one. */
async function lone(): Promise<number> {
  const { result, finish } = use()
  finish()
  return result
}

/** Opens connections until `count` are idle. */
async function open(count: number): Promise<void> {
  const uses = Array.from({ length: count }, () => use())
  for (const { succeed } of attempts.slice(-count)) succeed()
  for (const { finish } of uses) finish()
  await Promise.all(uses.map(({ result }) => result))
}

describe('a pool', () => {
  it('opens nothing before the first use', () => {
    create()
    expect(attempts).toHaveLength(0)
  })

  it('uses a connection again, the last released first', async () => {
    create()
    await open(2)
    expect(await lone()).toBe(1)
    expect(await lone()).toBe(1)
    expect(pool.state()).toMatchObject({ idle: 2, busy: 0, waiting: 0 })
  })

  it('opens no more connections than its limit', async () => {
    create()
    const uses = Array.from({ length: 5 }, () => use())
    expect(attempts).toHaveLength(2)
    for (const { succeed } of attempts) succeed()
    await uses[1]?.connection
    expect(pool.state()).toMatchObject({ busy: 2, waiting: 3 })
    for (const { finish } of uses) finish()
    await Promise.all(uses.map(({ result }) => result))
    expect(attempts).toHaveLength(2)
  })

  it('serves callers in the order in which they came', async () => {
    create({ limit: 1 })
    await open(1)
    const order: number[] = []
    const uses = [1, 2, 3].map((number) => {
      const each = use()
      void each.connection.then(() => order.push(number))
      each.finish()
      return each.result
    })
    await Promise.all(uses)
    expect(order).toEqual([1, 2, 3])
  })

  it('passes on the error of the work and keeps the connection', async () => {
    create()
    await open(1)
    const refused = use()
    refused.fail(new DatabaseError('refused', { code: 'ER_DUP_ENTRY', errno: 1062 }))
    await expect(refused.result).rejects.toMatchObject({ code: 'ER_DUP_ENTRY' })
    expect(await lone()).toBe(0)
  })
})

describe('the queue', () => {
  it('refuses at once a caller above its limit', async () => {
    create({ limit: 1, queueLimit: 2 })
    const uses = [use(), use()]
    await expect(use().result).rejects.toBeInstanceOf(DatabaseOverloaded)
    attempts[0]?.succeed()
    for (const { finish } of uses) finish()
    expect(await Promise.all(uses.map(({ result }) => result))).toEqual([0, 0])
  })

  it('is left at the deadline, by that caller alone', async () => {
    create({ limit: 1 })
    await open(1)
    const busy = use()
    const late = use(performance.now() + 20)
    const waiting = use()
    await expect(late.result).rejects.toThrow(DatabaseTimeout)
    expect(pool.state().waiting).toBe(1)
    busy.finish()
    waiting.finish()
    expect(await waiting.result).toBe(0)
  })

  it('is overloaded when only others got a connection in time', async () => {
    create({ limit: 1 })
    await open(1)
    const [busy, next] = [use(), use()]
    const late = use(performance.now() + 50)
    busy.finish()
    await next.connection
    await expect(late.result).rejects.toBeInstanceOf(DatabaseOverloaded)
    next.finish()
  })

  it('does not blame a former failure when all connections are busy', async () => {
    create({ limit: 1 })
    const first = use()
    attempts[0]?.fail('refused once')
    await vi.waitFor(() => expect(attempts).toHaveLength(2), 300_000)
    attempts[1]?.succeed()
    await first.connection
    const late = await use(performance.now() + 20).result.catch((error: unknown) => error)
    expect(late).toBeInstanceOf(DatabaseTimeout)
    expect((late as Error).cause).toBeUndefined()
    first.finish()
  })

  it('gives the failure to connect as the cause', async () => {
    create()
    const late = use(performance.now() + 50)
    attempts[0]?.fail('refused')
    await expect(late.result).rejects.toMatchObject({ cause: new Error('refused') })
  })
})

describe('the deadline', () => {
  it('destroys the connection whose work misses it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    create()
    await open(1)
    const late = use(performance.now() + 20)
    await late.connection
    vi.advanceTimersByTime(20)
    await expect(late.result).rejects.toThrow('writer: deadline exceeded')
    expect(opened[0]?.destroyed).toBe(true)
    expect(pool.state()).toMatchObject({ idle: 0, busy: 0 })
  })

  it('costs no connection when it has passed before the work could begin', async () => {
    create()
    await open(1)
    await expect(use(performance.now() - 1).result).rejects.toBeInstanceOf(DatabaseUnavailable)
    expect(opened[0]?.destroyed).toBe(false)
    expect(await lone()).toBe(0)
  })

  it('does not begin work after its time for that, though its deadline is later', async () => {
    create({ limit: 1 })
    await open(1)
    const busy = use()
    await busy.connection
    const until = performance.now() + 20
    const late = pool.use(inTime(), async () => 'begun', until)
    busy.finish()
    // No timer fires before the connection is passed on.
    while (performance.now() <= until);
    await expect(late).rejects.toThrow('writer: deadline exceeded')
    expect(opened[0]?.destroyed).toBe(false)
    expect(await lone()).toBe(0)
  })

  it('lets a caller that waits have another connection in place of the destroyed one', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    create({ limit: 1 })
    await open(1)
    const late = use(performance.now() + 20)
    const waiting = use()
    await late.connection
    vi.advanceTimersByTime(20)
    await late.result.catch(() => {})
    attempts[1]?.succeed()
    waiting.finish()
    expect(await waiting.result).toBe(1)
  })
})

describe('a connection that fails', () => {
  it.each([
    ['fatal for the driver', { fatal: true, code: 'PROTOCOL_CONNECTION_LOST' }],
    ['a shutdown of the server', { errno: 1053, code: 'ER_SERVER_SHUTDOWN' }],
  ])('is destroyed, and its work is unavailable: %s', async (_what, error) => {
    create()
    await open(1)
    const lost = use()
    lost.fail(new DatabaseError('lost', error))
    await expect(lost.result).rejects.toThrow('writer: connection lost')
    expect(opened[0]?.destroyed).toBe(true)
    expect(pool.state().idle).toBe(0)
  })

  it('is not used again when it ended while idle', async () => {
    create()
    await open(2)
    opened[1]?.emit('end')
    expect(pool.state().idle).toBe(1)
    expect(await lone()).toBe(0)
  })

  it('is not used again when it ended while busy and its work did not notice', async () => {
    create()
    await open(1)
    const unaware = use()
    await unaware.connection
    opened[0]?.emit('error')
    unaware.finish()
    await unaware.result
    const next = use()
    await turn()
    attempts[1]?.succeed()
    next.finish()
    expect(await next.result).toBe(1)
  })
})

describe('while the endpoint is unavailable', () => {
  it('makes one attempt at a time, and all that are wanted after a success', async () => {
    create({ limit: 4 })
    const uses = Array.from({ length: 4 }, () => use())
    expect(attempts).toHaveLength(4)
    for (const { fail } of attempts) fail()
    await vi.waitFor(() => expect(attempts).toHaveLength(5), 300_000)
    expect(pool.state()).toMatchObject({ failing: true, waiting: 4 })
    attempts[4]?.succeed()
    await uses[0]?.connection
    expect(pool.state().failing).toBe(false)
    await vi.waitFor(() => expect(attempts).toHaveLength(8), 300_000)
    for (const { succeed } of attempts.slice(5)) succeed()
    for (const { finish } of uses) finish()
    expect(await Promise.all(uses.map(({ result }) => result))).toHaveLength(4)
  })

  it('waits longer after each failure, at most a fifth of a second', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    vi.spyOn(Math, 'random').mockReturnValue(1)
    create()
    use(performance.now() + 60_000)
    const waits: number[] = []
    for (let at = 0; at < 8; at += 1) {
      attempts[at]?.fail()
      const failedAt = performance.now()
      while (attempts.length === at + 1) await vi.advanceTimersByTimeAsync(1)
      waits.push(Math.round(performance.now() - failedAt))
    }
    expect(waits.slice(0, 5)).toEqual([50, 100, 200, 200, 200])
    expect(Math.max(...waits)).toBe(200)
  })

  it('makes no attempt that nobody waits for', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    vi.spyOn(Math, 'random').mockReturnValue(1)
    create()
    const late = use(performance.now() + 10)
    attempts[0]?.fail()
    await vi.advanceTimersByTimeAsync(1000)
    await expect(late.result).rejects.toBeInstanceOf(DatabaseUnavailable)
    expect(attempts).toHaveLength(1)
  })
})

describe('an eviction', () => {
  const stale = new DatabaseError('read-only', { code: 'ER_OPTION_PREVENTS_STATEMENT', errno: 1290 })
  const evictAfter = (error: unknown) => error === stale

  it('drops idle connections at once and busy ones when they are released', async () => {
    create({ limit: 3, evictAfter })
    await open(3)
    const busy = use()
    const refused = use()
    refused.fail(stale)
    await expect(refused.result).rejects.toBe(stale)
    expect(opened.map(({ destroyed }) => destroyed)).toEqual([true, true, false])
    busy.finish()
    await busy.result
    expect(opened[2]?.destroyed).toBe(true)
    expect(pool.state()).toMatchObject({ idle: 0, evictions: 1 })
  })

  it('drops a connection that was being opened', async () => {
    create({ evictAfter })
    await open(1)
    const refused = use()
    const waiting = use()
    refused.fail(stale)
    await expect(refused.result).rejects.toBe(stale)
    const old = attempts[1]?.succeed()
    await vi.waitFor(() => expect(old?.destroyed).toBe(true), 300_000)
    await vi.waitFor(() => expect(attempts).toHaveLength(3), 300_000)
    attempts[2]?.succeed()
    waiting.finish()
    expect(await waiting.result).toBe(2)
  })

  it('does not drop the connections opened since, when an older one is refused too', async () => {
    create({ evictAfter })
    await open(2)
    const [first, second] = [use(), use()]
    first.fail(stale)
    await expect(first.result).rejects.toBe(stale)
    const next = use()
    attempts[2]?.succeed()
    next.finish()
    expect(await next.result).toBe(2)
    second.fail(stale)
    await expect(second.result).rejects.toBe(stale)
    expect(opened[2]?.destroyed).toBe(false)
    expect(await lone()).toBe(2)
    expect(pool.state().evictions).toBe(1)
  })
})

describe('pools of one endpoint', () => {
  const stale = new DatabaseError('read-only', { code: 'ER_OPTION_PREVENTS_STATEMENT', errno: 1290 })

  it('do not use a connection again after another of them evicted its own', async () => {
    const generation = { current: 0 }
    create({ generation })
    await open(1)
    const refusing = createPool({
      name: 'writer',
      open: async () => new FakeConnection(0) as unknown as Connection,
      limit: 1,
      queueLimit: 1,
      maxLifetimeMs: 60_000,
      maxIdleMs: 60_000,
      evictAfter: (error) => error === stale,
      generation,
    })
    await expect(refusing.use(inTime(), () => Promise.reject(stale))).rejects.toBe(stale)
    await refusing.close()
    const next = use()
    attempts[1]?.succeed()
    next.finish()
    expect(await next.result).toBe(1)
    expect(opened[0]?.destroyed).toBe(true)
  })
})

describe('the lifetime', () => {
  it('ends idle connections, and busy ones when they are released', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    create({ maxLifetimeMs: 1000 })
    await open(2)
    const busy = use(performance.now() + 60_000)
    await busy.connection
    await vi.advanceTimersByTimeAsync(1500)
    expect(opened.map(({ destroyed }) => destroyed)).toEqual([true, false])
    busy.finish()
    await busy.result
    expect(opened[1]?.destroyed).toBe(true)
  })
})

describe('the idle time', () => {
  it('ends the connections that nobody uses, and no other', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    create({ maxIdleMs: 1000 })
    await open(2)
    for (let passed = 0; passed < 1500; passed += 500) {
      await vi.advanceTimersByTimeAsync(500)
      expect(await lone()).toBe(1)
    }
    expect(opened.map(({ destroyed }) => destroyed)).toEqual([true, false])
  })

  it('is not counted while a connection works', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    create({ maxIdleMs: 1000 })
    await open(1)
    const busy = use(performance.now() + 60_000)
    await busy.connection
    await vi.advanceTimersByTimeAsync(5000)
    busy.finish()
    await busy.result
    expect(await lone()).toBe(0)
  })

  it('counts also while the process is suspended', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    create({ maxIdleMs: 1000 })
    await open(1)
    vi.advanceTimersByTime(2000)
    const next = use()
    attempts[1]?.succeed()
    next.finish()
    expect(await next.result).toBe(1)
    expect(opened[0]?.destroyed).toBe(true)
  })
})

describe('close', () => {
  it('waits for the work in flight, then ends every connection', async () => {
    create()
    await open(2)
    const busy = use()
    let closed = false
    const closing = pool.close().then(() => {
      closed = true
    })
    await turn()
    expect(closed).toBe(false)
    busy.finish()
    await closing
    expect(await busy.result).toBe(1)
    expect(opened.map(({ ended }) => ended)).toEqual([true, true])
  })

  it('waits for a connection that is being opened, and ends it', async () => {
    create()
    const waiting = use()
    const closing = pool.close()
    await expect(waiting.result).rejects.toThrow('writer: closed')
    const connection = attempts[0]?.succeed()
    await closing
    expect(connection?.ended).toBe(true)
  })

  it('resolves also when an attempt to connect fails meanwhile', async () => {
    create()
    use()
    const closing = pool.close()
    attempts[0]?.fail()
    await closing
    expect(attempts).toHaveLength(1)
  })

  it('can be called twice', async () => {
    create()
    await open(1)
    const busy = use()
    const both = [pool.close(), pool.close()]
    busy.finish()
    await Promise.all(both)
    expect(opened[0]?.ended).toBe(true)
  })

  it('refuses further work', async () => {
    create()
    await pool.close()
    await expect(use().result).rejects.toThrow('writer: closed')
  })
})
