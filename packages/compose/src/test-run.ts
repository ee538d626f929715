import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { repositoryRoot } from './checkout.ts'
import { docker } from './docker.ts'

const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 6)

/** Process ids are valid on this machine only; others may use the same engine. */
const machine = hash(hostname())

/** The label of containers and networks that a test creates without Compose; its value is {@link testRun}. */
export const testRunLabel = 'repo.test-run'

/** Identifies this process among all that use the same engine for tests. */
export const testRun = `test-${machine}-${process.pid}`

/** The name of a Compose project of this process. */
export const testProject = (name: string): string => `${testRun}-${name}`

/** The tag of an image of a checkout. @param folder @default this one */
export const testImage = (name: string, folder = repositoryRoot): string => `test-${hash(folder)}-${name}`

let removed: Promise<void> | undefined

/** Removes what test runs of this machine left behind when they were killed. Once per process. */
export function removeLeftovers(): Promise<void> {
  removed ??= remove()
  return removed
}

async function remove(): Promise<void> {
  const projectLabel = 'com.docker.compose.project'
  const format = `{{.ID}} {{.Label "${projectLabel}"}}{{.Label "${testRunLabel}"}}`
  const dead = async (args: string[]) =>
    (await docker(args))
      .split('\n')
      .map((line) => line.split(' '))
      .flatMap(([id, run = '']) => (id && isDead(run) ? [id] : []))
  const removeEach = async (kind: string, ids: readonly string[], ...options: string[]) => {
    // Another process may remove it at the same time.
    for (const id of new Set(ids)) await docker([kind, 'rm', ...options, id]).catch(() => {})
  }
  await removeEach('container', await dead(['ps', '--all', '--format', format]), '--force', '--volumes')
  await removeEach('network', await dead(['network', 'ls', '--format', format]))
  await removeEach('volume', await dead(['volume', 'ls', '--format', `{{.Name}} {{.Label "${projectLabel}"}}`]))
  await removeEach('image', await dead(['images', '--format', '{{.Repository}}:{{.Tag}} {{.Repository}}']))
}

/** True if the name begins with that of a test run whose process has ended. */
function isDead(name: string): boolean {
  const [, of, pid] = /^test-([0-9a-f]{6})-(\d+)(?:-|$)/.exec(name) ?? []
  if (of !== machine || pid === undefined) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
