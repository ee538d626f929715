import Fastify from 'fastify'
import { openBaselineDatabase } from './database.ts'

// A straightforward service: one statement per request, an object per row, JSON.stringify of the complete list.
const database = openBaselineDatabase()
const app = Fastify({ keepAliveTimeout: 65_000 })

async function list(): Promise<string> {
  return JSON.stringify(await database.list(), null, 2)
}

for (const path of ['/', '/read']) {
  app.get(path, async (_request, reply) => reply.type('application/json').send(await list()))
}
app.get('/write', async (_request, reply) => reply.type('text/plain').send(`Saved: ${await database.save()}`))
app.get('/healthz', async () => 'ok')

await app.listen({ host: '0.0.0.0', port: 9090 })
