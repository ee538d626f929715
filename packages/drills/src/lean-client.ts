import { connect, type Socket } from 'node:net'

/** A whole answer, or what broke. */
export type Answer = { readonly status: number; readonly body: string } | { readonly broken: string }

interface Exchange {
  readonly socket: Socket
  received: string
  settle?: ((answer: Answer) => void) | undefined
}

/**
 * Asks over connections that are kept, at a fraction of what Node's own client costs: who floods a service from the
 * machine that it runs on must leave it the processors. Knows only what the contract's short answers need.
 *
 * @param host where to connect to, and the port.
 * @param timeoutMs after this long without a byte a request is given up.
 */
export function leanClient(host: string, port: number, timeoutMs: number): (path: string) => Promise<Answer> {
  const idle: Exchange[] = []

  function open(): Exchange {
    const exchange: Exchange = { socket: connect({ host, port, noDelay: true }), received: '' }
    const { socket } = exchange
    const end = (broken: string) => {
      socket.destroy()
      const at = idle.indexOf(exchange)
      if (at >= 0) idle.splice(at, 1)
      finish(exchange, { broken })
    }
    socket.setEncoding('latin1')
    socket.setTimeout(timeoutMs, () => end('timeout'))
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
    socket.on('close', () => end('closed'))
    socket.on('data', (chunk: string) => {
      exchange.received += chunk
      const answer = whole(exchange.received)
      if (answer === undefined) return
      exchange.received = ''
      if (answer.last) socket.destroy()
      else idle.push(exchange)
      finish(exchange, answer)
    })
    return exchange
  }

  return (path) =>
    new Promise((resolve) => {
      const exchange = idle.pop() ?? open()
      exchange.settle = resolve
      exchange.socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    })
}

function finish(exchange: Exchange, answer: Answer): void {
  exchange.settle?.(answer)
  exchange.settle = undefined
}

/** Undefined while there is more to come. */
function whole(received: string): { status: number; body: string; last: boolean } | undefined {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = received.slice(0, end).toLowerCase()
  const length = Number(/\r\ncontent-length: *(\d+)/.exec(head)?.[1])
  if (Number.isNaN(length)) return { status: 0, body: `no length: ${head}`, last: true }
  const body = received.slice(end + 4)
  if (body.length < length) return undefined
  return { status: Number(head.slice(9, 12)), body, last: head.includes('\r\nconnection: close') }
}
