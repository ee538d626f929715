import { once } from 'node:events'
import { delimiter } from 'node:path'
import { CliError, interruption, openOwnProject, runCli } from './cli.ts'
import { showLogs } from './show-logs.ts'

// For every `docker compose` of this process.
process.env.COMPOSE_FILE = ['compose.yaml', 'compose.dev.yaml'].join(delimiter)

await runCli(async () => {
  const interrupted = interruption()
  const project = await openOwnProject()

  /** Runs `docker compose` with its output on the terminal, and resolves with its exit code. */
  async function compose(...args: string[]): Promise<number | null> {
    const [code] = await once(project.spawn(args, { stdio: 'inherit' }), 'close')
    return code
  }

  const publishedAddress = async (service: string, port: number) =>
    (await project.compose('port', service, String(port))).trim().replace(/^.*:/, 'localhost:')

  try {
    const code = await compose('up', '--build', '--wait')
    if (interrupted.aborted) return
    if (code !== 0) {
      await showLogs(project, { services: ['app'], tail: '20' })
      throw new CliError('Not every service became healthy. The last lines of the app are above.')
    }
    console.log(`
✓ http://${await publishedAddress('alb', 80)} runs the source of apps/app and packages/db, and restarts when a file is saved

    debugger    ${await publishedAddress('app', 9229)}: chrome://inspect, or "attach" in an editor
    Ctrl-C      stops the topology and keeps the data
`)
    await showLogs(project, { tail: '0', follow: interrupted })
  } finally {
    await compose('--profile', 'observe', 'down')
  }
})
