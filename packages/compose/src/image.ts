import { baseImage, certificatesFile, repositoryRoot } from './checkout.ts'
import { docker } from './docker.ts'
import { testImage } from './test-run.ts'

/** Builds `docker/NAME/Dockerfile` and resolves with its tag, which belongs to this checkout and is kept. */
export async function buildImage(name: string): Promise<string> {
  const tag = testImage(name)
  const images = (['DEBIAN_IMAGE', 'NODE_IMAGE', 'MYSQL_IMAGE'] as const).flatMap((image) => [
    '--build-arg',
    `${image}=${baseImage(image)}`,
  ])
  const secret = `--secret=id=ca,src=${certificatesFile()}`
  await docker(['build', '--quiet', '--tag', tag, ...images, secret, '--file', `docker/${name}/Dockerfile`, '.'], {
    cwd: repositoryRoot,
  })
  return tag
}
