import { createServer, type ServerResponse } from 'node:http'

/** Stands in for the app: an HTTP server that also fails on demand. Runs in a container. */
const held: ServerResponse[] = []
let connections = 0

const server = createServer((request, response) => {
  // The app sets this header too; the web tier must not send it twice.
  response.setHeader('X-Request-Id', request.headers['x-request-id'] ?? 'none')
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://upstream')
  if (searchParams.has('die')) return request.socket.destroy()
  if (searchParams.has('hold')) return held.push(response)
  switch (pathname) {
    case '/list':
      response.setHeader('Content-Type', 'application/json').setHeader('ETag', '"v1"')
      response.setHeader('Link', '</list?after=2>; rel="next"')
      return response.end('[\n  "2026-11-22 09:33:53",\n  "2026-11-22 09:33:54"\n]')
    case '/bytes':
      response.setHeader('Content-Type', 'application/json')
      return response.end('x'.repeat(Number(searchParams.get('count'))))
    case '/missing':
      response.writeHead(404, { 'Content-Type': 'application/problem+json' })
      return response.end('{"from":"the app"}')
    case '/busy':
      response.writeHead(503, { 'Content-Type': 'application/problem+json', 'Retry-After': '7' })
      return response.end('{"from":"the app"}')
    // Sends a first part, then nothing until released.
    case '/stream':
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson' })
      response.write('"first"\n')
      return held.push(response)
    // Sends nothing until released.
    case '/hang':
      return held.push(response)
    // As any path with `?hold`: sends a byte every second until released, so that no timeout ends it.
    case '/hold':
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson' })
      return held.push(response)
    case '/held':
      return response.end(String(held.length))
    case '/release':
      for (const waiting of held.splice(0)) waiting.end('"last"\n')
      return response.end()
    case '/die':
      return request.socket.destroy()
    case '/die-in-body':
      response.writeHead(200, { 'Content-Length': '1000' })
      return response.write('part', () => request.socket.destroy())
    case '/connections':
      return response.end(String(connections))
    default: {
      const body: Buffer[] = []
      request.on('data', (chunk: Buffer) => body.push(chunk))
      return request.on('end', () => {
        const { method, url, rawHeaders } = request
        response.end(JSON.stringify({ method, url, rawHeaders, body: Buffer.concat(body).toString() }))
      })
    }
  }
})
server.on('connection', () => {
  connections += 1
})
server.keepAliveTimeout = 65_000
server.listen(9090)

setInterval(() => {
  for (const response of held) if (/[/?]hold/.test(response.req.url ?? '')) response.write('\n')
}, 1000)
