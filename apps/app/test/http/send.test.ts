import { once } from 'node:events'
import { get, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createGunzip } from 'node:zlib'
import express, { type Request, type Response } from 'express'
import request from 'supertest'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { errorHandler } from '../../src/http/problem.ts'
import { send, stream } from '../../src/http/send.ts'

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

const appOf = (handle: (req: Request, res: Response) => unknown) => express().get('/', (req, res) => handle(req, res))

/** Starts an application; gives its responses as they arrive. */
async function open(app: express.Express, headers = {}): Promise<IncomingMessage> {
  server = app.listen(0)
  await once(server, 'listening')
  const [response] = await once(get({ port: (server.address() as AddressInfo).port, headers }), 'response')
  return response
}

describe('send', () => {
  const app = appOf((_req, res) => send(res, 201, 'text/plain', 'größer'))

  it('sends exactly the given content type, and no ETag', async () => {
    const { status, headers, text } = await request(app).get('/')
    expect({ status, text }).toEqual({ status: 201, text: 'größer' })
    expect(headers).toMatchObject({ 'content-type': 'text/plain', 'content-length': '8', 'cache-control': 'no-store' })
  })

  it('sends the headers alone for HEAD', async () => {
    const { headers, text } = await request(app).head('/')
    expect(headers['content-length']).toBe('8')
    expect(text ?? '').toBe('')
  })

  it('keeps a Cache-Control that is set', async () => {
    const cached = appOf((_req, res) => {
      res.setHeader('Cache-Control', 'no-cache')
      send(res, 200, 'text/plain', 'x')
    })
    expect((await request(cached).get('/')).headers['cache-control']).toBe('no-cache')
  })
})

describe('stream', () => {
  it('compresses a body that the client refuses as it is, and sends each chunk at once', async () => {
    let end = () => {}
    const app = appOf((_req, res) =>
      stream(
        res,
        'text/plain',
        (async function* () {
          yield Buffer.from('first ')
          await new Promise<void>((resolve) => {
            end = resolve
          })
          yield Buffer.from('last')
        })(),
      ),
    )
    const response = await open(app, { 'Accept-Encoding': 'identity;q=0, gzip' })
    expect(response.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' })
    const parts = response.pipe(createGunzip())[Symbol.asyncIterator]()
    expect(String((await parts.next()).value)).toBe('first ')
    end()
    expect(String((await parts.next()).value)).toBe('last')
  })

  async function* chunks(count: number, onRead: (n: number) => void = () => {}): AsyncGenerator<Buffer> {
    for (let n = 1; n <= count; n += 1) {
      onRead(n)
      yield Buffer.alloc(65_536, 'x')
    }
  }

  it('sends all chunks, and counts their bytes', async () => {
    let bytes: number | undefined
    const app = appOf(async (_req, res) => {
      await stream(res, 'text/plain', chunks(20))
      bytes = res.locals.bytes
    })
    expect((await text(await open(app))).length).toBe(20 * 65_536)
    expect(bytes).toBe(20 * 65_536)
  })

  it('reads no chunk for HEAD', async () => {
    const read = vi.fn()
    const response = await request(appOf((_req, res) => stream(res, 'text/plain', chunks(1, read)))).head('/')
    expect(response.headers['content-type']).toBe('text/plain')
    expect(read).not.toHaveBeenCalled()
  })

  it('reads no further than the client, and resolves when the client disconnects', async () => {
    const read = vi.fn()
    const settled = Promise.withResolvers<unknown>()
    const response = await open(
      appOf((_req, res) => stream(res, 'text/plain', chunks(10_000, read)).then(settled.resolve, settled.reject)),
    )
    await once(response, 'readable')
    response.destroy()
    await expect(settled.promise).resolves.toBeUndefined()
    expect(read.mock.calls.length).toBeLessThan(10_000)
  })

  it('closes the connection when the chunks fail, and keeps the error for the log', async () => {
    const failure = new Error('no more pages')
    const closed = Promise.withResolvers<unknown>()
    const received = Promise.withResolvers<void>()
    async function* failing(): AsyncGenerator<Buffer> {
      yield Buffer.from('first')
      await received.promise
      throw failure
    }
    const app = appOf((_req, res) => {
      res.on('close', () => closed.resolve(res.locals.error))
      return stream(res, 'text/plain', failing())
    })
    app.use(errorHandler)
    const response = await open(app)
    received.resolve()
    await expect(text(response)).rejects.toThrow('aborted')
    expect(await closed.promise).toBe(failure)
  })
})
