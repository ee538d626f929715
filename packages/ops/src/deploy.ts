import { parseArgs } from 'node:util'
import { addContainer, docker, type Project, removeContainer } from '@repo/compose'
import { CliError, listContainers, messageOf, openOwnProject, runCli, runCompose } from './cli.ts'
import { writableDatabase } from './databases.ts'
import { openResponseWatch, type ResponseWatch } from './response-watch.ts'

const services = ['app', 'web'] as const

type Service = (typeof services)[number]

/** A running container, as far as a deployment compares it. */
interface Instance {
  readonly id: string
  readonly state: string
  /** The id of its image. */
  readonly image: string
  /** The name of its image. */
  readonly imageName: string
  /** Compose's hash of the service's settings. */
  readonly settings: string
}

// Each step looks at what is, so the command can be run again after an interruption at any point.
await runCli(async () => {
  const { values } = parseArgs({ options: { 'ignore-errors': { type: 'boolean', default: false } } })
  const project = await openOwnProject()
  await listContainers(project)
  await writableDatabase(project)
  const previous = new Map<Service, Instance>()
  const before: string[] = []
  for (const service of services) {
    const instances = await instancesOf(project, service)
    before.push(...instances.map(({ id }) => id))
    const [oldest] = instances
    if (oldest === undefined)
      throw new CliError(`There is no container of ${service}. \`npm start\` starts the topology.`)
    previous.set(service, oldest)
  }
  const watch = values['ignore-errors'] ? undefined : await openResponseWatch(project)
  try {
    await runCompose(project, 'Building the images', 'build', 'db-init', ...services)
    await runCompose(project, 'Applying the migrations', 'run', '--rm', '--no-deps', '--no-TTY', 'db-init')
    await watch?.begin()
    for (const [service, { imageName }] of previous) {
      const image = await docker(['image', 'inspect', '--format', '{{.Id}}', imageName])
      const [, settings] = (await project.compose('config', '--hash', service)).trim().split(' ')
      await rollOut(project, service, (each) => each.image === image && each.settings === settings, watch)
    }
  } catch (error) {
    console.error(`✗ ${messageOf(error)}`)
    await rollBack(project, previous, before)
    throw new CliError('The release was not deployed. The previous one serves.')
  }
  console.log('✓ Every container of app and web runs this release')
})

/**
 * Replaces the containers that are not of the release, one at a time. Capacity never drops below the configured one.
 *
 * @param watch stops it when the release answers with errors. @default nothing does
 */
async function rollOut(
  project: Project,
  service: Service,
  isCurrent: (instance: Instance) => boolean,
  watch?: ResponseWatch,
): Promise<void> {
  const count = await configuredCount(project, service)
  const serving: Instance[] = []
  for (const instance of await instancesOf(project, service)) {
    const { id, state } = instance
    // What an interrupted deployment left, or what does not serve anyway.
    if (state !== 'running healthy' && (isCurrent(instance) || !state.startsWith('running'))) {
      await docker(['rm', '--force', id])
    } else serving.push(instance)
  }
  const old = serving.filter((instance) => !isCurrent(instance)).map(({ id }) => id)
  const current = serving.filter(isCurrent).map(({ id }) => id)
  const replacing = old.length
  // An interrupted deployment may have left them before they were watched.
  if (replacing > 0) for (const id of current) await watchContainer(watch, service, id, old)
  while (old.length > 0 || current.length !== count) {
    if (old.length + current.length <= count) {
      console.log(`Starting a container of ${service}`)
      const added = await addContainer(project, service)
      await watchContainer(watch, service, added, old)
      current.push(added)
    } else {
      console.log(`Stopping a container of ${service}`)
      // The newest first: an interrupted deployment may have left it before it was watched.
      await removeContainer((old.pop() ?? current.shift()) as string)
      // Its clients have moved to the others: the newest is watched again, while one of the release before may be left.
      const newest = current.at(-1)
      if (newest !== undefined) await watchContainer(watch, service, newest, old)
    }
  }
  console.log(`${service}: ${count} of ${count} run this release, ${replacing} replaced`)
}

/** @throws when it answers with more errors than the old ones; it is removed at once. */
async function watchContainer(
  watch: ResponseWatch | undefined,
  service: Service,
  id: string,
  old: readonly string[],
): Promise<void> {
  if (watch === undefined) return
  console.log('Watching the responses')
  try {
    await watch.watch(service, id, old)
  } catch (error) {
    await docker(['rm', '--force', id])
    throw error
  }
}

/**
 * Containers of the failed release are replaced by the images that the previous one had.
 *
 * @param before the ids of the containers when the deployment began.
 */
async function rollBack(
  project: Project,
  previous: ReadonlyMap<Service, Instance>,
  before: readonly string[],
): Promise<void> {
  console.log('Rolling back')
  for (const [service, { image, imageName }] of previous) {
    await docker(['tag', image, imageName])
    const instances = await instancesOf(project, service)
    const added = instances.filter((instance) => instance.image === image && !before.includes(instance.id))
    if (added.length > 0) {
      // Only compose.yaml can have the previous settings: in the place of these the same ones would start again.
      console.log(`${service}: this release has the same image. Restore compose.yaml, and run this again.`)
      if (added.length < instances.length) for (const { id } of added) await removeContainer(id)
    } else await rollOut(project, service, (instance) => instance.image === image)
  }
}

/** A service's containers, oldest first. */
async function instancesOf(project: Project, service: string): Promise<Instance[]> {
  const ids = await project.containers(service)
  if (ids.length === 0) return []
  const format =
    '{{.Created}}\t{{.Id}}\t{{.State.Status}} {{.State.Health.Status}}\t{{.Image}}\t{{.Config.Image}}\t' +
    '{{index .Config.Labels "com.docker.compose.config-hash"}}'
  const listed = (await docker(['inspect', '--format', format, ...ids])).split('\n').toSorted()
  return listed.map((line) => {
    const [, id = '', state = '', image = '', imageName = '', settings = ''] = line.split('\t')
    return { id, state, image, imageName, settings }
  })
}

/** How many containers of the service compose.yaml has. */
async function configuredCount(project: Project, service: string): Promise<number> {
  const { services } = await project.config()
  return services[service]?.deploy?.replicas ?? services[service]?.scale ?? 1
}
