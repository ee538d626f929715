import { ChildProcess } from 'node:child_process'
import { docker } from '@repo/compose'
import { answeredInTime, type Check, type Drill, durabilityChecks, refusedWith503, yes } from '../drill.ts'
import { watchInternalErrors } from '../internal-errors.ts'
import { areAsBefore, commandNamedBy, listedCheck, operatorCheck, watchWriters } from '../servers.ts'
import type { TestEnvironment } from '../test-environment.ts'

/** A way to start the old writer. */
interface Way {
  readonly name: string
  /** @param writer its container's id. @returns the command if it still runs. */
  start(environment: TestEnvironment, writer: string): Promise<unknown>
}

const ways: readonly Way[] = [
  { name: 'docker start', start: (_, writer) => docker(['start', writer]) },
  { name: 'docker compose restart', start: ({ topology }) => topology.compose('restart', 'db-writer') },
  {
    name: 'docker compose up',
    async start({ topology }) {
      await topology.compose('kill', 'db-writer')
      // Ends after minutes, because the old writer does not become healthy.
      return topology.spawn(['up', '--detach'], { stdio: 'ignore' })
    },
  },
  {
    name: 'npm start',
    async start({ topology, operate }) {
      await topology.compose('kill', 'db-writer')
      const { code, output } = await operate('start')
      if (code === 0 || !output.includes('npm run rejoin')) throw new Error(`npm start ended with ${code}: ${output}`)
    },
  },
]

/** After a failover the old writer is started in every way: it must not accept writes. Then it rejoins. */
export const rejoin: Drill = {
  name: 'rejoin',
  async run(environment) {
    const internalErrors = watchInternalErrors(environment)
    const watch = await watchWriters(environment)
    try {
      const { attempts, result } = await environment.underLoad(() => failOverAndRejoin(environment))
      return [
        ...result,
        ...(await watch.stop()),
        refusedWith503(attempts),
        await internalErrors(),
        answeredInTime(attempts),
        await listedCheck(environment, attempts),
        ...durabilityChecks(await environment.verifyDurability(attempts)),
      ]
    } finally {
      await watch.stop()
      await environment.recreateDatabases()
    }
  },
}

async function failOverAndRejoin(environment: TestEnvironment): Promise<Check[]> {
  const checks = [await operatorCheck(environment, 'failover')]
  const [writer = ''] = await environment.topology.containers('db-writer')
  for (const { name, start } of ways) {
    const running = await start(environment, writer)
    const command = await commandNamedBy(environment, 'db-writer')
    if (running instanceof ChildProcess) running.kill()
    checks.push(yes(`the old writer waits for npm run rejoin after ${name}`, command === 'npm run rejoin', command))
    // Whatever it is now, the other ways would show the same.
    if (command === '') return checks
  }
  checks.push(await operatorCheck(environment, 'rejoin'))
  checks.push(yes('both servers are as before', await areAsBefore(environment)))
  return checks
}
