import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { repositoryRoot } from '@repo/compose'
import { expect, it } from 'vitest'

interface SourceFile {
  readonly path: string
  readonly workspace: string
  readonly text: string
  /** The modules it imports: a path from the repository's root, or a package's name. */
  readonly imports: readonly string[]
}

const workspaceOf = (path: string) => /^(?:(?:apps|packages)\/)?[^/]+/.exec(path)?.[0] ?? ''

/** A workspace by its package name. */
const workspaces = new Map(
  globSync('{apps/*,packages/*,infra,test}/package.json', { cwd: repositoryRoot }).map((path) => [
    String(JSON.parse(readFileSync(join(repositoryRoot, path), 'utf8')).name),
    dirname(path),
  ]),
)

const files: readonly SourceFile[] = globSync('{apps,packages,infra,test}/**/*.ts', {
  cwd: repositoryRoot,
  // The imports in the generator's templates are those of the files that it writes.
  exclude: ['**/node_modules', '**/cdk.out', 'packages/generate/src/templates'],
}).map((path) => {
  const text = readFileSync(join(repositoryRoot, path), 'utf8')
  const imports = [...text.matchAll(/(?:^import |\bfrom |\bimport\()'([^']+)'/gm)].map(([, specifier = '']) =>
    specifier.startsWith('.') ? relative('.', join(dirname(path), specifier)) : specifier,
  )
  return { path, workspace: workspaceOf(path), text, imports }
})

/** The workspace that an import leads to; undefined for a package from elsewhere. */
function targetOf(imported: string): string | undefined {
  const [, name] = /^(@repo\/[^/]+)/.exec(imported) ?? []
  if (name !== undefined) return workspaces.get(name)
  return [...workspaces.values()].find((folder) => imported.startsWith(`${folder}/`))
}

const dependencies = new Map(
  [...workspaces.values()].map((workspace) => {
    const imports = files.filter((file) => file.workspace === workspace).flatMap((file) => file.imports)
    const targets = new Set(imports.map(targetOf).filter((target) => target !== undefined))
    targets.delete(workspace)
    return [workspace, [...targets]]
  }),
)

const importing = (matches: (imported: string) => boolean) =>
  files.filter(({ imports }) => imports.some(matches)).map(({ path }) => path)

it('finds the files and their imports', () => {
  expect(files.length).toBeGreaterThan(100)
  expect(dependencies.get('apps/app')).toContain('packages/db')
})

it('starts docker from packages/compose only', () => {
  const naming = files.filter(({ imports, text }) => imports.includes('node:child_process') && /'docker'/.test(text))
  expect(naming.filter(({ workspace }) => workspace !== 'packages/compose').map(({ path }) => path)).toEqual([])
})

it('imports from an app only in its own workspace and in workloads', () => {
  const others = files.filter(
    ({ path, workspace, imports }) =>
      !/^packages\/drills\/src\/workloads\//.test(path) &&
      imports.map(targetOf).some((target) => target?.startsWith('apps/') && target !== workspace),
  )
  expect(others.map(({ path }) => path)).toEqual([])
})

it('has no cycle of imports between workspaces', () => {
  const visit = (workspace: string, path: readonly string[]): string[] => {
    if (path.includes(workspace)) return [[...path, workspace].join(' → ')]
    return (dependencies.get(workspace) ?? []).flatMap((target) => visit(target, [...path, workspace]))
  }
  expect([...dependencies.keys()].flatMap((workspace) => visit(workspace, []))).toEqual([])
})

it('declares every workspace that a workspace imports', () => {
  for (const [workspace, targets] of dependencies) {
    const manifest = JSON.parse(readFileSync(join(repositoryRoot, workspace, 'package.json'), 'utf8'))
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).map((name) =>
      workspaces.get(name),
    )
    expect(declared, workspace).toEqual(expect.arrayContaining(targets))
  }
})

it('reaches MySQL from apps/app through packages/db only', () => {
  expect(importing((imported) => /^mysql2\b/.test(imported)).filter((path) => path.startsWith('apps/app/'))).toEqual([])
})
