import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { useMachine } from './machine.ts'

const folder = 'scripts'
const scripts = readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.sh'))
  .map((name) => join(folder, name))
const text = (script: string) => readFileSync(join(repositoryRoot, script), 'utf8')
const code = (script: string) => text(script).replaceAll(/^\s*#.*$/gm, '')

describe('scripts/setup.sh', () => {
  const machine = useMachine()
  const runSh = (...args: string[]) => {
    machine.link('sh')
    return spawnSync(join(machine.programs, 'sh'), ['scripts/setup.sh', ...args], {
      cwd: machine.checkout,
      env: { PATH: machine.programs },
      encoding: 'utf8',
    })
  }
  const addCarriageReturns = (file: string) => {
    const path = join(machine.checkout, file)
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll('\n', '\r\n'))
  }

  it('is run by any sh, and continues in Bash', () => {
    const { status, stderr } = runSh('engines')
    expect(status).toBe(1)
    expect(stderr).toBe("\n✗ Unknown part 'engines'.\n  Parts: engine, images, dependencies, project, build.\n")
  })

  it('says when there is no Bash', () => {
    rmSync(join(machine.programs, 'bash'))
    const { status, stdout, stderr } = runSh()
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain('✗ Bash is not installed.')
  })

  it.each(['sh', 'bash'])('names the files with Windows line endings, run by %s', (shell) => {
    for (const script of scripts) addCarriageReturns(script)
    const { status, stdout, stderr } = shell === 'sh' ? runSh() : machine.run(['scripts/setup.sh'])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(/^\n✗ Files have Windows line endings.*\n {2}Convert them: perl -pi -e "s\/\\r\/\/" /)
    for (const script of scripts) expect(stderr).toContain(script)
    expect(stderr.trim().split('\n')).toHaveLength(2)
  })

  it('names a single file with Windows line endings that an image copies', () => {
    mkdirSync(join(machine.checkout, 'docker/mysql'), { recursive: true })
    writeFileSync(join(machine.checkout, 'docker/mysql/start.sh'), 'true\r\n')
    expect(runSh().stderr).toContain(' docker/mysql/start.sh \n')
  })

  it.each(['', 'sh'])('does not take over the settings of a user: %s', (shell) => {
    writeFileSync(join(machine.checkout, 'settings'), 'set -o noclobber; cd() { :; }; echo BASH_ENV was read\n')
    const env = { PATH: machine.programs, BASH_ENV: 'settings', SHELLOPTS: 'noclobber' }
    machine.link('sh')
    const program = join(machine.programs, shell || 'bash')
    const options = { cwd: machine.checkout, env, encoding: 'utf8' } as const
    const { stdout, stderr } = spawnSync(program, ['scripts/setup.sh', 'engines'], options)
    expect(shell ? stdout : '').toBe('')
    expect(stderr).toContain("Unknown part 'engines'.")
  })

  it('finds its folder when CDPATH is set', () => {
    mkdirSync(join(machine.checkout, 'elsewhere/scripts'), { recursive: true })
    const { stdout, stderr } = machine.run(['scripts/setup.sh', 'engines'], {
      CDPATH: join(machine.checkout, 'elsewhere'),
    })
    expect(stdout).toBe('')
    expect(stderr).toContain("Unknown part 'engines'.")
  })

  it.each(['.setup/Building-the-images.log', 'node_modules/.installed', '.env', 'packages/db/.turbo'])(
    'says how to take over %s of another user, and runs nothing',
    (file) => {
      // Root may write to any file, so that a test by root needs another user.
      const root = process.getuid?.() === 0
      mkdirSync(join(machine.checkout, file, '..'), { recursive: true })
      writeFileSync(join(machine.checkout, file), 'an earlier run succeeded')
      chmodSync(join(machine.checkout, file), 0o444)
      for (const path of [join(machine.checkout, '..'), machine.checkout]) chmodSync(path, 0o777)
      machine.fake('id', 'echo me')
      const { status, stdout, stderr } = spawnSync(join(machine.programs, 'bash'), ['scripts/setup.sh'], {
        cwd: machine.checkout,
        env: { PATH: machine.programs },
        encoding: 'utf8',
        ...(root ? { uid: 65534, gid: 65534 } : {}),
      })
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
      expect(stderr).toContain('✗ me cannot write to: ')
      expect(stderr).toContain(file)
      expect(stderr).toContain('sudo chown -R "$(id -un)" .')
      expect(stderr).toContain('chmod -R u+w .')
      expect(stderr).not.toContain('succeeded')
    },
  )
})

describe.each([
  ...['with space', '-x', "it's", '"$HOME" `id`', 'проект', 'a;b&c|d*', 'a,b=c', '$$a%41', '~[a]{b}'],
  ...[',', '.', ' ', '\t', "'", '"', '$', '!', '@', '%', '&', '(', ']'].map((end) => `ends with ${end}`),
])('a checkout in the folder %j', (name) => {
  const machine = useMachine(name)

  it('is set up', () => {
    writeFileSync(join(machine.checkout, 'package-lock.json'), '{}')
    machine.link('chmod')
    machine.fake(
      'npm',
      'mkdir -p node_modules/.bin; echo true >node_modules/.bin/node; chmod +x node_modules/.bin/node',
    )
    expect(machine.run(['scripts/setup.sh', 'dependencies'])).toMatchObject({ status: 0, stderr: '' })
    expect(existsSync(join(machine.checkout, 'node_modules/.installed'))).toBe(true)
  })
})

describe.each([
  [':', 'one:two'],
  ['\\', 'one\\two'],
  ['#', 'C#'],
  ['?', 'why?'],
  ['a line break', 'one\ntwo'],
  ['a line break', 'one\n'],
])('a checkout with %s in its path, %j', (character, name) => {
  const machine = useMachine(name)

  it('is refused at once', () => {
    // The programs of the machine are in the checkout.
    const PATH = join(machine.checkout, '../bin')
    symlinkSync(machine.programs, PATH)
    const { status, stdout, stderr } = machine.run(['scripts/setup.sh'], { PATH })
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain(`✗ The path of this checkout contains "${character}": ${machine.checkout}\n`)
    expect(stderr).toContain('Move it')
  })
})

/** The scripts with a line that matches. */
const matching = (form: RegExp) =>
  scripts.filter((script) =>
    code(script)
      .split('\n')
      .some((line) => form.test(line)),
  )

describe('the scripts use nothing that macOS lacks', () => {
  it.each([
    ['an associative array', /\b(declare|local|typeset) -[a-z]*[An]/],
    ['mapfile', /\b(mapfile|readarray|coproc)\b/],
    ['a change of case', /\$\{\w+(,|\^)/],
    ['|& or &>>', /\|&|&>>/],
    ['wait -n', /\bwait -n/],
    ['a negative length', /\$\{\w+:[^}]*: *-\d/],
    ['an operator of expansion', /\$\{\w+(\[[@*]\])?@/],
    ['a time of printf', /%\(.*\)T/],
    ['a descriptor by name', /exec \{/],
    ['a pattern of =~ that is no variable', /=~ (?!\$\w+ )/],
  ])('of Bash 4: %s', (_, form) => {
    expect(matching(form)).toEqual([])
  })

  it.each([
    ['sed -i', /\bsed (-\w+ )*-\w*i/],
    ['sed with ; after a label', /\bsed\b[^|]*\b[bt] ?;/],
    ['sed with \\+, \\?, \\| or \\s', /\bsed\b[^|]*\\[+?|sw]/],
    ['grep -P', /\bgrep (-\w+ )*-\w*P/],
    ['readlink -f and realpath', /\breadlink -|\brealpath\b/],
    ['stat', /\bstat -/],
    ['date -d', /\bdate (-d|--)/],
    ['xargs -r and -d', /\bxargs (-\w+ )*-\w*[rd]/],
    [
      'long options',
      /(^|[|(&;] *)(ls|cp|mv|rm|mkdir|sort|head|tail|cut|tr|du|find|sed|awk|date|wc|grep|cat|touch|ln) --\w/,
    ],
    ['mktemp without a template', /\bmktemp( -d)?\)/],
    ['sort -V', /\bsort (-\w+ )*-\w*V/],
    ['cp -a and -t', /\bcp (-\w+ )*-\w*[at]/],
    ['sleep with a unit', /\bsleep \d+[smh]/],
  ])('of the GNU tools: %s', (_, form) => {
    expect(matching(form)).toEqual([])
  })
})
