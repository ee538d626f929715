import { connect, type Socket } from 'node:net'
import { encodeBody, type HttpResponse, type Outcome, type Send } from './http.ts'

interface Connection {
  readonly socket: Socket
  received: string
  settle?: ((outcome: Outcome) => void) | undefined
}

/**
 * Sends requests over keep-alive connections at a fraction of the CPU time of Node's own client: a load generator must leave
 * the processors to the service on the same machine. Understands only responses with a Content-Length.
 *
 * @param timeoutMs after this long without a byte a request is aborted.
 */
export function rawHttpClient(host: string, port: number, timeoutMs: number): Send {
  const idle: Connection[] = []

  function open(): Connection {
    const connection: Connection = { socket: connect({ host, port, noDelay: true }), received: '' }
    const { socket } = connection
    const fail = (error: string) => {
      socket.destroy()
      const index = idle.indexOf(connection)
      if (index >= 0) idle.splice(index, 1)
      settle(connection, { error })
    }
    socket.setEncoding('latin1')
    socket.setTimeout(timeoutMs, () => fail('timeout'))
    socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message))
    socket.on('close', () => fail('closed'))
    socket.on('data', (chunk: string) => {
      connection.received += chunk
      const response = parseResponse(connection.received)
      if (response === undefined) return
      connection.received = ''
      if (response.last) socket.destroy()
      else idle.push(connection)
      settle(connection, response)
    })
    return connection
  }

  return (request) =>
    new Promise((resolve) => {
      const connection = idle.pop() ?? open()
      connection.settle = resolve
      const { body, headers } = encodeBody(request)
      const lines = Object.entries({ Host: host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
      connection.socket.write(`${request.method} ${request.path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
    })
}

function settle(connection: Connection, outcome: Outcome): void {
  connection.settle?.(outcome)
  connection.settle = undefined
}

/** Undefined while the response is incomplete; `last` if the server closes the connection after it. */
function parseResponse(received: string): (HttpResponse & { readonly last: boolean }) | undefined {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = received.slice(0, end).toLowerCase()
  const length = Number(/\r\ncontent-length: *(\d+)/.exec(head)?.[1])
  if (Number.isNaN(length)) return { status: 0, body: `no Content-Length: ${head}`, last: true }
  const body = received.slice(end + 4)
  if (body.length < length) return undefined
  return { status: Number(head.slice(9, 12)), body, last: head.includes('\r\nconnection: close') }
}
