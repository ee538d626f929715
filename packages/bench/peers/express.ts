import express from 'express'
import { openPeerDatabase } from './database.ts'

// A straightforward service: one statement per request, every row as an object, JSON.stringify of all of them.
const database = openPeerDatabase()
const app = express()

app.get(['/', '/read'], async (_req, res) => {
  res.type('application/json').send(JSON.stringify(await database.list(), null, 2))
})
app.get('/write', async (_req, res) => {
  res.type('text/plain').send(`Saved: ${await database.save()}`)
})
app.get('/healthz', (_req, res) => {
  res.send('ok')
})

app.listen(9090).keepAliveTimeout = 65_000
