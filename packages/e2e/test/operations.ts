import { waitFor } from '@repo/compose'
import type { HttpRequest } from '@repo/drills/http.ts'
import { workloads } from '@repo/drills/workloads/index.ts'
import { expect } from 'vitest'
import { type Command, startCommand } from './command.ts'
import { resource, send } from './resource.ts'
import { topology } from './topology.ts'

type Environment = Readonly<Record<string, string>>

/** Starts a command of packages/ops on the shared topology. */
export const start = (script: string, args: readonly string[] = [], env: Environment = {}): Command =>
  startCommand(script, args, { env: { ...topology.env, COMPOSE_PROJECT_NAME: topology.project, ...env } })

/** Runs it to its end. */
export const run = (script: string, ...args: string[]): ReturnType<Command['result']> => start(script, args).result()

/** Starts it and kills it when it has printed the line. */
export async function killAt(line: string, script: string, args: readonly string[], env?: Environment): Promise<void> {
  const command = start(script, args, env)
  await waitFor(line, () => command.output().includes(line) || command.child.exitCode !== null)
  command.child.kill('SIGKILL')
  await command.result()
  expect(command.output()).toContain(line)
}

const status: HttpRequest = { method: 'GET', path: '/status' }

/** Of one resource; without one, what does not need it. */
const requests = (): readonly HttpRequest[] =>
  workloads.length === 0 ? [status] : [resource().write(), { method: 'GET', path: resource().newestPath }]

/** Sends reads and writes until `work` has ended, and expects that each succeeds. */
export async function runWithoutFailure(work: () => Promise<void>): Promise<void> {
  let done = false
  const failures: string[] = []
  const load = (async () => {
    while (!done) {
      for (const request of requests()) {
        const answer = await send(request).catch((error) => ({ status: 0, body: String(error) }))
        if (answer.status < 200 || answer.status > 299) {
          failures.push(`${request.path}: ${answer.status} ${answer.body}`)
        }
      }
    }
  })()
  await work().finally(() => {
    done = true
  })
  await load
  expect(failures).toEqual([])
}
