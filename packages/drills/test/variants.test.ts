import { readdirSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { describe, expect, it } from 'vitest'
import { drills } from '../src/drills/index.ts'
import { patched, variantsOf } from '../src/variants.ts'
import { workloads } from '../src/workloads/index.ts'

const variants = workloads.flatMap((workload) =>
  variantsOf(workload).map((variant) => ({ ...variant, title: `${variant.name} of ${workload.name}` })),
)
const breakages = variants.flatMap(({ title, app, web, databases }) => [
  { title, service: 'app', patches: app?.patches ?? [], environment: app?.environment ?? {} },
  { title, service: 'web', patches: web?.patches ?? [], environment: web?.environment ?? {} },
  { title, service: 'databases', patches: databases?.patches ?? [], environment: {} },
])
const patches = [
  ...breakages.flatMap(({ title, patches }) => patches.map((patch) => ({ title, ...patch }))),
  ...variants.flatMap(({ title, command }) => (command ? [{ title, ...command }] : [])),
]
const settings = breakages.flatMap(({ title, service, environment }) =>
  Object.keys(environment).map((name) => ({ title, service, name })),
)

/** The text of every file of an app, without its tests. */
function sourceOf(app: string): string {
  return readdirSync(join(repositoryRoot, 'apps', app), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/node_modules|\/test\b|\.test\.ts/.test(join(entry.parentPath, entry.name)))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n')
}

describe('a broken variant', () => {
  it.each(patches)('$title still changes $file', async (patch) => {
    const text = await patched(patch)
    expect(text).toContain(patch.to)
    if (patch.file.endsWith('.ts')) expect(() => stripTypeScriptTypes(text)).not.toThrow()
  })

  it.each(settings)('$title sets $name, which the $service service reads', ({ service, name }) => {
    expect(sourceOf(service)).toMatch(new RegExp(`\\b${name}\\b`))
  })

  it.each(workloads)('is there for each drill of $name', (workload) => {
    const named = new Set(variantsOf(workload).map(({ drill }) => drill.name))
    expect([...named].sort()).toEqual(drills.map(({ name }) => name).sort())
  })

  it('is refused when the source no longer contains what it changes', async () => {
    const patch = { file: 'package.json', from: 'no such text', to: '' }
    await expect(patched(patch)).rejects.toThrow('package.json must contain exactly once: no such text')
  })
})
