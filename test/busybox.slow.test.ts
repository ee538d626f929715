import { baseImage, docker, repositoryRoot, testImage } from '@repo/compose'
import { expect, it } from 'vitest'

// BusyBox stands for macOS and other systems without the GNU tools.
it('the set-up works with the tools of BusyBox alone', async () => {
  const image = testImage('busybox')
  await docker(['build', '--quiet', '--tag', image, '-'], {
    input: `FROM ${baseImage('NODE_IMAGE')}
      RUN apt-get update && apt-get install -y --no-install-recommends busybox-static`,
  })
  const vitest = ['node', 'node_modules/vitest/vitest.mjs', 'run', '--project', 'setup', '--reporter', 'dot']
  const mounts = ['--volume', `${repositoryRoot}:/srv:ro`, '--tmpfs', '/tmp:exec']
  const run = ['run', '--rm', ...mounts, '--workdir', '/srv', '--env', 'BUSYBOX=/bin/busybox', image, ...vitest]
  expect(await docker([...run, '--configLoader', 'runner'])).toMatch(/Tests .*passed/)
})
