import { execFile, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { afterEach, beforeEach } from 'vitest'

/** The programs of the smallest machine: no package manager, no Docker. */
const programs = ['bash', 'cat', 'cmp', 'dirname', 'grep', 'head', 'id', 'mkdir', 'rm', 'sed', 'tail', 'tr', 'uname']

/** A BusyBox, which stands for other userlands than GNU's: every tool but Bash is its own. @default none */
const busybox = process.env.BUSYBOX

const realPath = (name: string): string =>
  busybox && name !== 'bash'
    ? busybox
    : spawnSync('bash', ['--norc', '-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim()

const paths = programs.map((name) => [name, realPath(name)] as const)

/** Outside the checkout, whose path may be one that `#!` cannot name. */
const bash = realPath('bash')

/** A checkout with the scripts, on a machine that has only what a test puts there. */
export interface Machine {
  /** The checkout's folder; new for each test. */
  readonly checkout: string
  /** The folder of the machine's programs. */
  readonly programs: string
  /** Adds a program of the real machine. */
  link(name: string): void
  /** Adds a program that runs a shell script; replaces one of that name. */
  fake(name: string, script: string): void
  /** Runs Bash with these arguments in the checkout. */
  run(args: readonly string[], environment?: Readonly<Record<string, string>>): Result
  /** The same while this process goes on, so that it can answer what the script asks of it. */
  runBeside(args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Result>
  /** Runs shell commands that can call every function of the set-up. */
  withFunctions(commands: string, environment?: Readonly<Record<string, string>>): Result
}

interface Result {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * Creates a machine for each test of a file, and removes it after the test.
 *
 * @param folder the name of the checkout's folder. @default any
 */
export function useMachine(folder = ''): Machine {
  let parent = ''
  let checkout = ''
  const bin = () => join(checkout, 'bin')

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'setup-'))
    checkout = join(parent, folder)
    cpSync(join(repositoryRoot, 'scripts'), join(checkout, 'scripts'), { recursive: true })
    mkdirSync(bin())
    for (const [name, path] of paths) symlinkSync(path, join(bin(), name))
  })

  afterEach(() => rmSync(parent, { recursive: true }))

  const machine: Machine = {
    get checkout() {
      return checkout
    },
    get programs() {
      return bin()
    },
    link(name) {
      symlinkSync(realPath(name), join(bin(), name))
    },
    fake(name, script) {
      rmSync(join(bin(), name), { force: true })
      writeFileSync(join(bin(), name), `#!${bash}\n${script}\n`, { mode: 0o755 })
    },
    run(args, environment = {}) {
      const { status, stdout, stderr } = spawnSync(join(bin(), 'bash'), ['--norc', ...args], {
        cwd: checkout,
        env: { PATH: bin(), ...environment },
        encoding: 'utf8',
      })
      return { status, stdout, stderr }
    },
    runBeside(args, environment = {}) {
      const options = { cwd: checkout, env: { PATH: bin(), ...environment } }
      return new Promise((resolve) => {
        const child = execFile(join(bin(), 'bash'), ['--norc', ...args], options, (_, stdout, stderr) =>
          resolve({ status: child.exitCode, stdout, stderr }),
        )
      })
    },
    withFunctions(commands, environment) {
      const parts = 'step settings debian engine images dependencies project build'
      return machine.run(['-euc', `for part in ${parts}; do . scripts/setup/$part.sh; done; ${commands}`], environment)
    },
  }
  return machine
}
