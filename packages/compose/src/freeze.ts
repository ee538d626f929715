import { DockerError, docker } from './docker.ts'

/**
 * Suspends every process of a container, like a machine that hangs: connections stay open without a response. Not by
 * `docker pause`: it can freeze a health check that is starting, and then neither continues
 * (https://github.com/opencontainers/runc/issues/2753).
 *
 * @param container its id or name; its image contains Bash.
 */
export const freeze = (container: string): Promise<void> => signal(container, 'STOP', untilStopped)

/** Resumes the processes of a container; no effect on those that run. */
export const thaw = (container: string): Promise<void> => signal(container, 'CONT')

/**
 * A process stops once one of its threads gets a processor: until then the others go on. Waits for two seconds at most,
 * because a health check may have been started since.
 */
const untilStopped = `
for _ in {1..200}; do
  running=''
  for stat in /proc/[0-9]*/task/[0-9]*/stat; do
    case $stat in /proc/$$/*) continue ;; esac
    { read -r line <"$stat"; } 2>/dev/null || continue
    case \${line##*) } in [TtZX]*) ;; *) running=1 ;; esac
  done
  [ -n "$running" ] || break
  sleep 0.01
done`

async function signal(container: string, name: 'STOP' | 'CONT', andThen = ''): Promise<void> {
  await Promise.all([
    // The first process accepts this signal from outside only, the others are reached from inside.
    docker(['kill', '--signal', name, container]),
    docker(['exec', container, 'bash', '-c', `kill -${name} -1 || exit\n${andThen}`]).catch(ignoreNoOthers),
  ])
}

/** `kill -1` fails if there is no other process. @throws any other error. */
function ignoreNoOthers(error: unknown): void {
  if (!(error instanceof DockerError && error.stderr.includes('No such process'))) throw error
}
