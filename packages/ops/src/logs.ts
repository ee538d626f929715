import { parseArgs } from 'node:util'
import { boxes, Complaint, command, containers, interrupted } from './compose.ts'
import { type LogOptions, showLogs } from './show-logs.ts'

const usage = `npm run logs -- [--request ID] [--tail LINES] [--no-follow] [BOX…]

  --request ID   only what is about this request, in the order of the tiers; the id is in each answer's X-Request-Id
  --tail LINES   how many past lines of each container; 20 without it, all of them with --request
  --no-follow    end after the past
  BOX            ${boxes.join(', ')}, db-init, prometheus; all without one`

await command(async () => {
  const options = readArguments(process.argv.slice(2))
  if ((await containers()).length === 0) throw new Complaint('Nothing is there to have logs. `npm start` starts it.')
  await showLogs(options)
})

function readArguments(given: string[]): LogOptions {
  const { values, positionals } = parsed(given)
  const { request, tail = request === undefined ? '20' : 'all' } = values
  if (request !== undefined && !/^[A-Za-z0-9._-]{1,64}$/.test(request)) {
    throw new Complaint(`${JSON.stringify(request)} is no request id: 1-64 letters, digits, dots, dashes, underscores.`)
  }
  if (!/^(all|\d{1,9})$/.test(tail)) throw new Complaint(`--tail takes a number or 'all', not ${JSON.stringify(tail)}.`)
  const known = [...boxes, 'db-init', 'prometheus']
  for (const box of positionals) {
    if (!known.includes(box)) throw new Complaint(`There is no box ${JSON.stringify(box)}: ${known.join(', ')}.`)
  }
  const past = { services: positionals, request, tail }
  return values['no-follow'] ? past : { ...past, follow: interrupted() }
}

function parsed(given: string[]) {
  try {
    const options = {
      request: { type: 'string' },
      tail: { type: 'string' },
      'no-follow': { type: 'boolean' },
    } as const
    return parseArgs({ args: given, options, allowPositionals: true })
  } catch (error) {
    throw new Complaint(`${(error as Error).message}\n\n${usage}`)
  }
}
