import { createServer } from 'node:http'

// The upper limit of the path through Apache: the response to a write, without a write.
const body = 'Saved: 2026-01-01 00:00:00'
const headers = { 'Content-Type': 'text/plain', 'Content-Length': body.length }

createServer({ keepAliveTimeout: 65_000 }, (_request, response) => response.writeHead(200, headers).end(body)).listen(
  9090,
)
