import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * Stops every process of a container where it stands, as in a machine that hangs: connections stay open, and nothing
 * answers. Not by `docker pause`: a health check that is just being started would freeze half-way, and neither it nor
 * the container would ever go on (https://github.com/opencontainers/runc/issues/2753).
 *
 * @param container its id or name; its image has Bash.
 */
export const freeze = (container: string) => signal(container, 'STOP')

/** Lets the processes of a container go on; does no harm where none was stopped. */
export const thaw = (container: string) => signal(container, 'CONT')

async function signal(container: string, name: 'STOP' | 'CONT'): Promise<void> {
  await Promise.all([
    // The first process heeds this signal from outside only; all others from inside.
    run('docker', ['kill', '--signal', name, container]),
    run('docker', ['exec', container, 'bash', '-c', `kill -${name} -1`]).catch(unlessAlone),
  ])
}

/** Where there are no others, "all" is an error. @throws any other error. */
function unlessAlone(error: { stderr?: string }): void {
  if (!error.stderr?.includes('No such process')) throw error
}
