import { execFileSync } from 'node:child_process'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { docker, freePort, testProject, waitFor } from '@repo/compose'
import { copyCheckout } from '@repo/compose/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Command, startCommand } from './command.ts'
import { restoreTopology, topology } from './topology.ts'

const project = testProject('dev')
const [webPort, debugPort] = [await freePort(), await freePort()]
const env = { COMPOSE_PROJECT_NAME: project, WEB_PORT: String(webPort), DEBUG_PORT: String(debugPort) }

/** A copy, since the test changes the source. */
let checkout: string
let dev: Command

beforeAll(async () => {
  checkout = await copyCheckout()
  // As under umask 077, and of a user whom the container does not have.
  execFileSync('chmod', ['-R', 'go=', checkout])
  if (process.getuid?.() === 0)
    execFileSync('chown', ['-R', '1234:1234', join(checkout, 'apps'), join(checkout, 'packages')])
  await writeFile(join(checkout, 'compose.override.yaml'), 'services: { web: { labels: { added: by the user } } }\n')
  // Never two topologies at a time.
  await topology.compose('stop', '--timeout', '1')
  dev = startCommand('dev.ts', [], { env, root: checkout })
  await outputOf(`✓ http://localhost:${webPort}`)
})

afterAll(async () => {
  dev?.child.kill('SIGKILL')
  await compose('down', '--volumes', '--rmi', 'all', '--timeout', '0')
  await rm(checkout, { recursive: true })
  await restoreTopology()
})

const compose = (...args: string[]) =>
  docker(['compose', '-f', 'compose.yaml', '-f', 'compose.dev.yaml', ...args], { cwd: checkout, env })

/** Waits until the command has written the text. @throws its output when it ends before. */
async function outputOf(text: string): Promise<void> {
  const ended = dev.result().then(({ output }) => {
    throw new Error(`npm run dev ended:\n${output}`)
  })
  await Promise.race([ended, waitFor(`npm run dev to write ${text}`, () => dev.output().includes(text))])
  ended.catch(() => {})
}

/** Waits until the app responds. */
const responds = () => waitFor('the app to respond', async () => (await fetch(`http://127.0.0.1:${webPort}/readyz`)).ok)

describe('npm run dev', () => {
  it.each(['apps/app/src/main.ts', 'packages/db/src/index.ts'])('runs %s as it was saved', async (path) => {
    const file = join(checkout, path)
    const source = await readFile(file, 'utf8')
    await writeFile(file, `${source}\nconsole.log('${path} was saved')\n`)
    await outputOf(`${path} was saved`)
    await responds()
    await writeFile(file, source)
  })

  it('runs a file that an editor replaces, again and again', async () => {
    const file = join(checkout, 'apps/app/src/main.ts')
    const source = await readFile(file, 'utf8')
    for (const time of ['first', 'second', 'third']) {
      await writeFile(`${file}.new`, `${source}\nconsole.log('replaced the ${time} time')\n`)
      await rename(`${file}.new`, file)
      await outputOf(`replaced the ${time} time`)
    }
    await responds()
    await writeFile(file, source)
  })

  it('runs a new file, which only its owner can read', async () => {
    const file = join(checkout, 'apps/app/src/main.ts')
    const source = await readFile(file, 'utf8')
    await writeFile(join(checkout, 'apps/app/src/new.ts'), "console.log('a new file')\n", { mode: 0o600 })
    await writeFile(file, `import './new.ts'\n${source}`)
    await outputOf('a new file')
    await writeFile(file, source)
    await responds()
  })

  it('continues after a syntax error was corrected', async () => {
    const file = join(checkout, 'apps/app/src/main.ts')
    const source = await readFile(file, 'utf8')
    await writeFile(file, `${source}\n)`)
    await outputOf('SyntaxError')
    await writeFile(file, source)
    await responds()
  })

  it("has what a user's compose.override.yaml adds", async () => {
    const web = await docker(['compose', 'ps', '--quiet', 'web'], { cwd: checkout, env })
    const [first = ''] = web.split('\n')
    expect(await docker(['inspect', '--format', '{{.Config.Labels.added}}', first])).toBe('by the user')
  })

  it('has a debugger, on this machine only', async () => {
    const response = await fetch(`http://127.0.0.1:${debugPort}/json/list`)
    const [target] = (await response.json()) as [{ url: string }]
    expect(target.url).toBe('file:///srv/apps/app/src/main.ts')
    expect(await compose('port', 'app', '9229')).toBe(`127.0.0.1:${debugPort}`)
  })

  it('shows the lines of all tiers', async () => {
    await fetch(`http://127.0.0.1:${webPort}/status`, { headers: { 'X-Request-Id': 'shown' } })
    await waitFor('a line of each tier', () => {
      const lines = dev.output().split('\n')
      return lines.filter((line) => line.includes('"shown"')).length === 3
    })
  })

  it('refuses to run on the containers of another checkout', async () => {
    const options = { env: { COMPOSE_PROJECT_NAME: topology.project }, root: checkout }
    const { code, output } = await startCommand('dev.ts', [], options).result()
    expect(code).toBe(1)
    expect(output).toContain('belongs to another one')
  })

  it('removes its containers and keeps the data on Ctrl-C', async () => {
    dev.child.kill('SIGINT')
    expect((await dev.result()).code).toBe(0)
    const own = ['--filter', `label=com.docker.compose.project=${project}`, '--quiet']
    expect(await docker(['ps', '--all', ...own])).toBe('')
    expect(await docker(['network', 'ls', ...own])).toBe('')
    expect(await docker(['volume', 'ls', ...own])).not.toBe('')
  })
})
