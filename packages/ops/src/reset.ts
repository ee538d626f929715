import { parseArgs } from 'node:util'
import { confirm, openOwnProject, runCli, runCompose } from './cli.ts'

await runCli(async () => {
  const { yes = false } = parseArgs({ options: { yes: { type: 'boolean' } } }).values
  // Whatever COMPOSE_PROFILES has started.
  const project = await openOwnProject({ profiles: ['*'] })
  const [containers, volumes] = await Promise.all([project.list(), project.volumes()])
  if (containers.length > 0 || volumes.length > 0) {
    await confirm(
      `This removes the Compose project ${(await project.config()).name} with its data, for good:\n` +
        `  containers: ${containers.map(({ instance }) => instance).join(', ') || 'none'}\n` +
        `  volumes:    ${volumes.join(', ') || 'none'}\n` +
        'To keep the data in a file first: npm run backup. Remove it?',
      yes,
    )
  }
  await runCompose(project, 'Removing the containers and the data', 'down', '--volumes')
})
