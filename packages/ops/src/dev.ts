import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { delimiter } from 'node:path'
import { Complaint, command, docker, interrupted, repositoryRoot } from './compose.ts'
import { showLogs } from './show-logs.ts'

// For every `docker compose` from here on.
process.env.COMPOSE_FILE = ['compose.yaml', 'compose.dev.yaml'].join(delimiter)

const interruption = interrupted()

/** Runs `docker compose` with its output on the terminal, and gives its status. */
async function compose(...args: string[]): Promise<number | null> {
  const child = spawn('docker', ['compose', ...args], { cwd: repositoryRoot, stdio: 'inherit' })
  const [status] = await once(child, 'close')
  return status
}

const published = async (service: string, port: number) =>
  (await docker(['compose', 'port', service, String(port)])).trim().replace(/^.*:/, 'localhost:')

async function develop(): Promise<void> {
  const status = await compose('up', '--build', '--wait')
  if (interruption.aborted) return
  if (status !== 0) {
    await showLogs({ services: ['app'], tail: '20' })
    throw new Complaint('Not everything came up healthy. Above: the last lines of the app.')
  }
  console.log(`
✓ http://${await published('alb', 80)} runs apps/app/src and packages/db/src of this folder, anew when one is saved

    debugger    ${await published('app', 9229)}: chrome://inspect, or "attach" in an editor
    Ctrl-C      ends it all and keeps the data
`)
  await showLogs({ tail: '0', follow: interruption })
}

await command(async () => {
  try {
    await develop()
  } finally {
    await compose('--profile', 'observe', 'down')
  }
})
