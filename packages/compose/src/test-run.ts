import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { repositoryRoot } from './checkout.ts'
import { docker } from './docker.ts'

const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 6)

/** This machine: process ids mean nothing on another that uses the same engine. */
const machine = hash(hostname())

/** The label of a container that a test starts beside Compose; its value is {@link testRun}. */
export const testRunLabel = 'repo.test-run'

/** Names this process among all that test on the same engine. */
export const testRun = `test-${machine}-${process.pid}`

/** A Compose project's name of this process's own. */
export const testProject = (name: string): string => `${testRun}-${name}`

/** An image's tag of this checkout's own; its layers serve the next run. */
export const testImage = (name: string): string => `test-${hash(repositoryRoot)}-${name}`

let removed: Promise<void> | undefined

/** Removes what a run of this machine has left that was killed before it could do so. Once per process. */
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
    // Another process may remove the same.
    for (const id of new Set(ids)) await docker([kind, 'rm', ...options, id]).catch(() => {})
  }
  await removeEach('container', await dead(['ps', '--all', '--format', format]), '--force', '--volumes')
  await removeEach('network', await dead(['network', 'ls', '--format', format]))
  await removeEach('volume', await dead(['volume', 'ls', '--format', `{{.Name}} {{.Label "${projectLabel}"}}`]))
  await removeEach('image', await dead(['images', '--format', '{{.Repository}}:{{.Tag}} {{.Repository}}']))
}

/** True for the name of a run, or of something of it, whose process has ended. */
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
