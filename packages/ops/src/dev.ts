import { once } from 'node:events'
import { statfs } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { composeFiles, engineAddress, repositoryRoot } from '@repo/compose'
import { CliError, interruption, openOwnProject, runCli, thisMachine } from './cli.ts'
import { changes, needsPolling } from './polling.ts'
import { showLogs } from './show-logs.ts'

// For every `docker compose` of this process.
process.env.COMPOSE_FILE = [...composeFiles(), 'compose.dev.yaml'].join(delimiter)
process.env.COMPOSE_PATH_SEPARATOR = delimiter

await runCli(async () => {
  const interrupted = interruption()
  const project = await openOwnProject()

  /** Runs `docker compose` with its output on the terminal, and resolves with its exit code. */
  async function compose(...args: string[]): Promise<number | null> {
    const [code] = await once(project.spawn(args, { stdio: 'inherit' }), 'close')
    return code
  }

  const publishedAddress = async (service: string, port: number) =>
    (await project.compose('port', service, String(port))).trim().replace(thisMachine, 'localhost:')

  /** Where the container gets no events of the source's file system, Node.js in it sees no change. */
  async function restartOnChange(): Promise<void> {
    console.log('Looking for changes once per second: the engine gets no events of this file system (DEV_POLLING)')
    const source = ['apps/app/src', 'packages/db/src'].map((folder) => join(repositoryRoot, folder))
    for await (const _ of changes(source, interrupted)) await project.compose('restart', '--timeout', '0', 'app')
  }

  try {
    const code = await compose('up', '--wait')
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
    const { type: fileSystem } = await statfs(repositoryRoot)
    const polls = needsPolling({ setting: process.env.DEV_POLLING, fileSystem, engine: await engineAddress() })
    await Promise.all([showLogs(project, { tail: '0', follow: interrupted }), polls && restartOnChange()])
  } finally {
    await compose('--profile', '*', 'down')
  }
})
