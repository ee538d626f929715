import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A complete response. */
interface Answer {
  readonly status: number
  /** Head included. */
  readonly bytes: number
}

/** A keep-alive connection. */
export interface Connection {
  /**
   * Sends the request, one at a time, on a new connection if the last one was closed. Undefined if the server closes
   * the connection, or is silent for 30 s, before the end of the response.
   */
  get(): Promise<Answer | undefined>
  close(): void
}

const silenceMs = 30_000

/**
 * Connects for GET requests of one URL. Node's own client would take more CPU time, from the servers on the same machine.
 */
export async function openConnection({ host, hostname, port, pathname, search }: URL): Promise<Connection> {
  const request = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  let received = ''
  let settle = (_answer?: Answer) => {}
  let socket = open()
  await once(socket, 'connect')

  function open(): Socket {
    const opened = connect({ host: hostname, port: Number(port || 80), noDelay: true })
    opened.setEncoding('latin1')
    opened.setTimeout(silenceMs, () => opened.destroy())
    opened.on('data', receive)
    // `close` follows.
    opened.on('error', () => {})
    opened.on('close', () => {
      if (opened === socket) finish()
    })
    return opened
  }

  function receive(text: string): void {
    received += text
    const answer = parse(received)
    if (answer === undefined) return
    if (answer.last) socket.destroy()
    finish(answer)
  }

  function finish(answer?: Answer): void {
    received = ''
    settle(answer)
  }

  return {
    get: () =>
      new Promise((resolve) => {
        settle = resolve
        if (socket.destroyed) socket = open()
        socket.write(request)
      }),
    close: () => socket.destroy(),
  }
}

/** Undefined while the response is incomplete; `last` if the server closes the connection after it. */
function parse(received: string): (Answer & { readonly last: boolean }) | undefined {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = received.slice(0, end).toLowerCase()
  const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1]
  // A body without a length is chunked, and nothing follows its last chunk.
  const complete =
    length === undefined ? received.endsWith('\r\n0\r\n\r\n') : received.length >= end + 4 + Number(length)
  if (!complete) return undefined
  return { status: Number(head.slice(9, 12)), bytes: received.length, last: head.includes('\r\nconnection: close') }
}
