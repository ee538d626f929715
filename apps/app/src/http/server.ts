import { createServer, type Server, STATUS_CODES } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Express } from 'express'

/** The HTTP server of the application, with every limit explicit. docs/time-budget.md relates them to other tiers'. */
export function createHttpServer(app: Express): Server {
  const server = createServer(
    {
      // Longer than the proxy keeps an idle connection (2 s): it must never send a request on one that closes.
      keepAliveTimeout: 65_000,
      headersTimeout: 10_000,
      // Longer than the proxy lets a body take (15 s).
      requestTimeout: 20_000,
      maxHeaderSize: 16_384,
    },
    app,
  )
  // The NLB balances connections, not requests: while connections stay open, a new instance gets none.
  server.maxRequestsPerSocket = 200
  // A client that reads nothing for this long is disconnected: its response occupies memory.
  server.timeout = 60_000
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
    const body = JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status })
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/problem+json\r\n` +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    )
  })
  return server
}

/** Starts listening; resolves with the port. */
export async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, resolve)
  })
  const address = server.address()
  return typeof address === 'object' && address ? address.port : port
}

/**
 * Stops the server without a failed request: serves for another `delayMs`, in which the balancers notice that it is
 * unhealthy, then accepts no connections and waits for the requests in flight.
 */
export async function drain(server: Server, delayMs: number): Promise<void> {
  await delay(delayMs)
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // `close` ends the connections that are idle now. Others become idle when their requests end: a response that began
  // before the drain told its client to keep the connection.
  const ending = setInterval(() => server.closeIdleConnections(), 100)
  await closed
  clearInterval(ending)
}
