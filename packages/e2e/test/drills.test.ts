import type { Drill } from '@repo/drills/drill.ts'
import { crashWriter } from '@repo/drills/drills/crash-writer.ts'
import { hostileWith } from '@repo/drills/drills/hostile.ts'
import { killApp } from '@repo/drills/drills/kill-app.ts'
import { operationsWith } from '@repo/drills/drills/operations.ts'
import { openTestEnvironment, type TestEnvironment } from '@repo/drills/test-environment.ts'
import { workloads } from '@repo/drills/workloads/index.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { restoreTopology, topology } from './topology.ts'

const quick: readonly Drill[] = [killApp, crashWriter, hostileWith(700), operationsWith(289, 2)]

// A file without a test would be an error.
if (workloads.length === 0) it.skip('the promises hold (there is no resource)')

describe.each(workloads)('the promises, for $name,', (workload) => {
  let environment: TestEnvironment

  beforeAll(async () => {
    environment = await openTestEnvironment({ topology, workload, steadyMs: 1000 })
  })
  afterEach(() => environment.heal())
  afterAll(async () => {
    await environment?.[Symbol.asyncDispose]()
    await restoreTopology()
  })

  it.each(quick)('hold through $name', async (drill) => {
    const checks = await drill.run(environment)
    // Bounds on time are for `npm run drill`, on a machine that does nothing else.
    expect(checks.filter(({ ok, timeBound }) => !ok && !timeBound)).toEqual([])
  })
})
