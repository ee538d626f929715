import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

let folder: string

/** Docker with a project of one container, unless $EMPTY; it notes what is removed. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reset-'))
  const docker = `#!/bin/sh
case "$*" in
  *' config '*) echo '{"name": "app", "services": {}}' ;;
  *'ps --all --quiet'*) ;;
  *'ps --all --format json'*) [ -n "$EMPTY" ] || echo '{"ID": "1", "Service": "db-writer", "Name": "app-db-writer-1", "State": "running"}' ;;
  'volume ls --filter label=com.docker.compose.project=app '*) [ -n "$EMPTY" ] || echo app_db-writer-data ;;
  *' down '*) echo "$*" >>"${folder}/removed" ;;
esac
`
  writeFileSync(`${folder}/docker`, docker, { mode: 0o755 })
})
afterEach(() => rmSync(folder, { recursive: true }))

function reset(args: readonly string[], environment: Record<string, string> = {}) {
  const script = join(import.meta.dirname, '../src/reset.ts')
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    env: { PATH: [folder, process.env.PATH].join(delimiter), ...environment },
    encoding: 'utf8',
  })
  const removed = join(folder, 'removed')
  return { status, output: stdout + stderr, removed: existsSync(removed) ? readFileSync(removed, 'utf8').trim() : '' }
}

describe('npm run reset', () => {
  it('names what it removes, and fails with exit code 2 without a terminal', () => {
    const { status, output, removed } = reset([])
    expect({ status, removed }).toEqual({ status: 2, removed: '' })
    expect(output).toContain('the Compose project app with its data')
    expect(output).toContain('containers: db-writer-1')
    expect(output).toContain('volumes:    app_db-writer-data')
    expect(output).toContain('Without a terminal this needs --yes.')
  })

  it('removes it with --yes', () => {
    expect(reset(['--yes'])).toMatchObject({ status: 0, removed: 'compose --profile * down --volumes' })
  })

  it('removes nothing for another option', () => {
    expect(reset(['--force'])).toMatchObject({ status: 1, removed: '' })
  })

  it('does not ask when there are neither containers nor data', () => {
    expect(reset([], { EMPTY: '1' })).toMatchObject({ status: 0, removed: 'compose --profile * down --volumes' })
  })
})
