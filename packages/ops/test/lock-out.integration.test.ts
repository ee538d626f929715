import { once } from 'node:events'
import { connect } from 'node:net'
import type { Project } from '@repo/compose'
import { startMysql } from '@repo/compose/testing'
import { expect, it } from 'vitest'
import { lockOut } from '../src/databases.ts'

it('ends a connection that is signing in while the app is locked out', async () => {
  await using mysql = await startMysql()
  const project = {
    sql: (_, statement) => mysql.sql(statement),
    exec: (_, command) => mysql.sql(command.at(-1) ?? ''),
    containers: async () => [],
    list: async () => [],
  } satisfies Partial<Project> as unknown as Project
  const socket = connect(mysql.port, mysql.host)
  await once(socket, 'data')
  const closed = once(socket.resume(), 'close')
  const startedAt = performance.now()
  await lockOut(project, 'db-writer')
  await closed
  // By itself the server ends it after 10 s.
  expect(performance.now() - startedAt).toBeLessThan(8000)
})
