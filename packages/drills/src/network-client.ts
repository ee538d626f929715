import { docker, type Project, type Topology, testRun, testRunLabel } from '@repo/compose'

type Network = Pick<Project, 'containers'> & Pick<Topology, 'project'>

/**
 * Runs a file of this folder in a container of the app's image, on one of the topology's networks, and resolves with its
 * standard output.
 */
export async function runInNetwork(
  topology: Network,
  network: string,
  file: string,
  ...args: string[]
): Promise<string> {
  const [app = ''] = await topology.containers('app')
  const image = await docker(['inspect', '--format', '{{.Image}}', app])
  const options = [
    '--rm',
    `--label=${testRunLabel}=${testRun}`,
    `--label=${clientOf(topology)}`,
    `--network=${topology.project}_${network}`,
    `--volume=${import.meta.dirname}:/drills:ro,z`,
  ]
  return docker(['run', ...options, image, 'node', `/drills/${file}`, ...args])
}

/** Removes the clients that an interruption has left; as long as they run, the networks cannot be removed. */
export async function removeClients(topology: Pick<Topology, 'project'>): Promise<void> {
  const clients = await docker(['ps', '--quiet', `--filter=label=${clientOf(topology)}`])
  if (clients) await docker(['rm', '--force', ...clients.split('\n')])
}

const clientOf = ({ project }: Pick<Topology, 'project'>) => `repo.drills-client=${project}`
