import { parseArgs } from 'node:util'
import { services } from '@repo/compose'
import { CliError, interruption, listContainers, openOwnProject, runCli } from './cli.ts'
import { type LogOptions, showLogs } from './show-logs.ts'

const selectable: readonly string[] = [...services, 'db-init', 'prometheus']

const usage = `npm run logs -- [--request ID] [--tail LINES] [--no-follow] [SERVICE…]

  --request ID   only lines about this request, in the order of the tiers; the id is in the X-Request-Id of each response
  --tail LINES   number of past lines of each container; default 20, with --request all
  --no-follow    exit after the past lines
  SERVICE        ${selectable.join(', ')}; default all`

await runCli(async () => {
  const options = readArguments(process.argv.slice(2))
  const project = await openOwnProject({ profiles: ['observe'] })
  await listContainers(project)
  await showLogs(project, options)
})

function readArguments(args: string[]): LogOptions {
  const { values, positionals } = parse(args)
  const { request, tail = request === undefined ? '20' : 'all' } = values
  if (request !== undefined && !/^[A-Za-z0-9._-]{1,64}$/.test(request)) {
    throw new CliError(
      `Invalid request id ${JSON.stringify(request)}: expected 1-64 letters, digits, dots, dashes or underscores.`,
    )
  }
  if (!/^(all|\d{1,9})$/.test(tail)) {
    throw new CliError(`Invalid --tail ${JSON.stringify(tail)}: expected a number or 'all'.`)
  }
  for (const service of positionals) {
    if (!selectable.includes(service)) {
      throw new CliError(`Unknown service ${JSON.stringify(service)}: expected ${selectable.join(', ')}.`)
    }
  }
  const past = { services: positionals, request, tail }
  return values['no-follow'] ? past : { ...past, follow: interruption() }
}

function parse(args: string[]) {
  try {
    const options = {
      request: { type: 'string' },
      tail: { type: 'string' },
      'no-follow': { type: 'boolean' },
    } as const
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw new CliError(`${(error as Error).message}\n\n${usage}`)
  }
}
