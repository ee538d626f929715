import { DockerError, docker } from './docker.ts'

/**
 * Stops every process of a container, as in a machine that hangs: connections stay open and nothing answers. Not by
 * `docker pause`: a health check that is just being started would freeze half-way, and neither it nor the container
 * would ever continue (https://github.com/opencontainers/runc/issues/2753).
 *
 * @param container its id or name; its image has Bash.
 */
export const freeze = (container: string): Promise<void> => signal(container, 'STOP')

/** Lets the processes of a container continue; has no effect where none was stopped. */
export const thaw = (container: string): Promise<void> => signal(container, 'CONT')

async function signal(container: string, name: 'STOP' | 'CONT'): Promise<void> {
  await Promise.all([
    // The first process takes this signal from outside only; all others from inside.
    docker(['kill', '--signal', name, container]),
    docker(['exec', container, 'bash', '-c', `kill -${name} -1`]).catch(ignoreNoOthers),
  ])
}

/** Where there are no other processes, "all" is an error. @throws any other error. */
function ignoreNoOthers(error: unknown): void {
  if (!(error instanceof DockerError && error.stderr.includes('No such process'))) throw error
}
