import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openProject, waitFor } from '@repo/compose'
import { afterEach, beforeEach, it } from 'vitest'
import { showLogs } from '../src/show-logs.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'logs-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

it('stops following when the signal is aborted, even if docker ignores SIGTERM', async () => {
  const started = join(folder, 'started')
  const program = join(folder, 'docker')
  // As docker does until Compose, its plugin, runs.
  writeFileSync(
    program,
    `#!/bin/sh
     case "$*" in *--follow*) trap '' TERM; touch ${started}; while :; do sleep 0.1; done ;; esac`,
  )
  chmodSync(program, 0o755)
  const project = openProject({ env: { PATH: `${folder}:${process.env.PATH}` } })
  const controller = new AbortController()
  const following = showLogs(project, { tail: '0', follow: controller.signal })
  await waitFor('the command to start', () => existsSync(started))
  controller.abort()
  await following
})
