import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { configs } from '../lib/config.ts'
import { synthesize } from './synthesis.ts'

/** Every line of a template's user data and commands. */
function linesOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.split('\n')
  const { 'Fn::Join': join } = Object(value)
  if (join) return linesOf(join[1].map((part: unknown) => (typeof part === 'string' ? part : '?')).join(''))
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(linesOf) : []
}

/** Runs a script in which each of the package managers fails as often as told, and prints what it would have run. */
function run(script: string, failures: number) {
  const stubs = `set -euo pipefail
    failed=$(mktemp)
    manager() { echo >>"$failed"; [ "$(wc -l <"$failed")" -gt ${failures} ] || return 1; echo "$*"; }
    dnf() { manager dnf "$@"; }
    yum() { manager yum "$@"; }
    sleep() { SECONDS=$((SECONDS + $1)); }
    systemctl() { echo "systemctl $*"; }
    log() { :; }`
  return spawnSync('bash', ['-c', `${stubs}\n${script}`], { encoding: 'utf8' })
}

// The agent of Systems Manager and the associations install packages while an instance boots. Either fails then:
// https://github.com/amazonlinux/amazon-linux-2023/issues/397, https://github.com/aws/aws-cdk/issues/36717
describe.each(Object.entries(configs))('an installation of packages on the instances of %s', (_name, config) => {
  const installing = linesOf(synthesize({ config }).resources).filter((line) => /\b(dnf|yum) install\b/.test(line))

  it('is repeated while another one runs', () => {
    expect(installing.length).toBeGreaterThanOrEqual(3)
    for (const line of installing) expect(line).toMatch(/^ *until (dnf|yum) install [^;&|]*; do( sleep \d+; done)?$/)
  })
})

describe('the installation of Docker by the boot script', () => {
  const { UserData } = synthesize().one('AWS::EC2::LaunchTemplate', 'App').Properties.LaunchTemplateData
  const [script = ''] = /^install_docker\(\) \{[\s\S]*?^\}$/m.exec(linesOf(UserData).join('\n')) ?? []

  it('succeeds after others have ended', () => {
    expect(run(`${script}\ninstall_docker`, 3)).toMatchObject({
      status: 0,
      stdout: 'dnf install --assumeyes --quiet docker jq\nsystemctl enable --now docker\n',
    })
  })

  it('fails in time for the report of a failed boot', () => {
    expect(run(`${script}\ninstall_docker; echo $SECONDS`, 1000).status).toBe(1)
    expect(run(`${script}\ninstall_docker || echo $SECONDS`, 1000).stdout).toMatch(/^1[23]\d$/m)
  })
})
