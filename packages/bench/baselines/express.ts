import express from 'express'
import { openBaselineDatabase } from './database.ts'

// A straightforward service: one statement per request, an object per row, JSON.stringify of the complete list.
const database = openBaselineDatabase()
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
