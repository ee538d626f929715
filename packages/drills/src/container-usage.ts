import { docker, type Project } from '@repo/compose'

/** What a container uses. */
export interface ContainerUsage {
  readonly memoryMiB: number
  readonly fileDescriptors: number
}

// Of all its processes: resident memory in kilobytes, open file descriptors.
const command = "cat /proc/[0-9]*/status | awk '/^VmRSS/ {kb += $2} END {print kb}'; ls -d /proc/[0-9]*/fd/* | wc -l"

/** What each container of the services uses, in Compose's order. Their images have Bash. */
export async function containerUsage(
  project: Pick<Project, 'containers'>,
  ...services: readonly ('app' | 'web')[]
): Promise<ContainerUsage[]> {
  const containers = await Promise.all(services.map((service) => project.containers(service)))
  return Promise.all(
    containers.flat().map(async (container) => {
      const [kilobytes, fileDescriptors] = (await docker(['exec', container, 'bash', '-c', command])).split('\n')
      return { memoryMiB: Number(kilobytes) / 1024, fileDescriptors: Number(fileDescriptors) }
    }),
  )
}
