import { type Arena, openArena } from '@repo/drills/arena.ts'
import type { Drill } from '@repo/drills/drill.ts'
import { crashWriter } from '@repo/drills/drills/crash-writer.ts'
import { failover } from '@repo/drills/drills/failover.ts'
import { hostileWith } from '@repo/drills/drills/hostile.ts'
import { killApp } from '@repo/drills/drills/kill-app.ts'
import { rollingWith } from '@repo/drills/drills/rolling.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

let arena: Arena

beforeAll(async () => {
  arena = await openArena({ project: 'three-tier-test-drills', steadyMs: 1000, patience: 3 })
}, 600_000)
afterEach(() => arena.heal(), 120_000)
afterAll(() => arena?.[Symbol.asyncDispose](), 60_000)

const quick: readonly Drill[] = [killApp, crashWriter, rollingWith(1), hostileWith(700), failover]

describe('the promises', () => {
  it.each(quick)('hold through $name', { timeout: 180_000 }, async (drill) => {
    const checks = await drill.run(arena)
    expect(checks.filter(({ ok }) => !ok)).toEqual([])
  })
})
