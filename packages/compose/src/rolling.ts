import { docker, dockerOutput } from './docker.ts'
import type { Project } from './project.ts'
import { waitFor } from './wait.ts'

/** Longer than a start takes on a busy machine. */
const timeoutMs = 120_000

/**
 * Starts one container more of a service and waits until it is healthy. The others stay as they are.
 *
 * @returns its id.
 * @throws with its last log lines if it ends or is not healthy in time; it is removed.
 */
export async function addContainer(project: Project, service: string): Promise<string> {
  const before = await project.containers(service)
  const scale = `${service}=${before.length + 1}`
  await project.compose('up', '--detach', '--no-deps', '--no-recreate', '--scale', scale, service)
  const [added] = (await project.containers(service)).filter((id) => !before.includes(id))
  if (added === undefined) throw new Error(`Compose started no container of ${service}.`)
  if (await becomesHealthy(added)) return added
  const { stdout, stderr } = await dockerOutput(['logs', '--tail', '4', added])
  await docker(['rm', '--force', added])
  throw new Error(`The new container of ${service} is not healthy. Its last log lines:\n${stdout}${stderr}`)
}

/** Stops a container with the signal and the time that Compose has given it, and removes it. */
export async function removeContainer(id: string): Promise<void> {
  await docker(['stop', id])
  await docker(['rm', '--force', id])
}

async function becomesHealthy(id: string): Promise<boolean> {
  const format = '{{.State.Status}} {{.State.Health.Status}} {{.RestartCount}}'
  const outcome = async () => {
    const state = await docker(['inspect', '--format', format, id])
    return state === 'running healthy 0' ? 'healthy' : !/^running starting 0$/.test(state) && state
  }
  return waitFor('the container is healthy', outcome, { timeoutMs }).then(
    (state) => state === 'healthy',
    () => false,
  )
}
