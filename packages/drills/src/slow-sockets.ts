import { connect, type Socket } from 'node:net'

/** Opens a connection; an error closes it. */
export function openSocket(url: string): Socket {
  const { hostname, port } = new URL(url)
  return connect(Number(port), hostname).on('error', () => {})
}

/**
 * Requests a path, and reads no more than the beginning of the status line. Resolves with the paused connection; it is
 * destroyed if the status is not 200.
 */
export function requestSlowly(url: string, path: string): Promise<Socket> {
  const socket = openSocket(url).pause()
  socket.write(`GET ${path} HTTP/1.1\r\nHost: drills\r\n\r\n`)
  return new Promise((resolve) => {
    socket.once('close', () => resolve(socket))
    socket.once('readable', () => {
      const begin = socket.read('HTTP/1.1 200'.length)
      if (String(begin) !== 'HTTP/1.1 200') socket.destroy()
      resolve(socket)
    })
  })
}
