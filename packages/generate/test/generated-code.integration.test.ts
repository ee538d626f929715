import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { repositoryRoot } from '@repo/compose'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { parseFields } from '../src/fields.ts'
import { namesOf } from '../src/names.ts'
import { renderResource } from '../src/render.ts'

const render = (name: string, ...fields: string[]) => {
  const names = namesOf(name)
  return renderResource(names, parseFields(fields, new Set(['users', 'lists']), names.table))
}

const everyType = [
  ...['title:string(200)!', 'code:string(5)!', 'body:text?', 'stars:int?', 'price:decimal(8,2)', 'done:bool?'],
  ...['due:datetime', 'day:date!', 'state:enum(open,closed)', 'user:ref(user)'],
]

/** Resources by their names: each type alone, those without a value that is certain to differ, and ordinary nouns. */
const resources: Readonly<Record<string, readonly string[]>> = {
  everything: [...everyType, 'parent:ref(everything)?'],
  membership: ['user:ref(user)', 'list:ref(list)'],
  light: ['state:enum(on,off)'],
  node: ['parent:ref(node)?'],
  constant: ['kind:enum(one)', 'parent:ref(constant)?!'],
  fixed: ['kind:enum(one)'],
  flag: ['user:ref(user)', 'active:bool'],
  badge: ['user:ref(user)?!'],
  tag: ['label:string(3)'],
  word: ['label:string(3)!'],
  note: ['body:text'],
  number: ['n:int'],
  price: ['amount:decimal(4,2)!'],
  record: ['done:bool'],
  event: ['at:datetime'],
  holiday: ['day:date', 'admin:bool?'],
  measure: ['maxValue:int', 'fullText:text?', 'inOut:enum(in,out)'],
  ...Object.fromEntries(
    ['app', 'page', 'date', 'contract', 'dateTime'].map((name) => [name, ['done:bool?', 'at:datetime!']]),
  ),
}

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'generated-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

/** Runs a program in the folder. @throws with what it printed. */
const run = (...args: string[]) =>
  promisify(execFile)(join(repositoryRoot, 'node_modules/.bin', args[0] ?? ''), args.slice(1), { cwd: folder }).catch(
    ({ stdout, stderr }) => {
      throw new Error(stdout + stderr)
    },
  )

it('the code of every type of field, alone and combined, passes lint and types', async () => {
  for (const [name, fields] of Object.entries(resources)) {
    for (const [path, content] of render(name, ...fields)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), content)
    }
  }
  const biome = { extends: [join(repositoryRoot, 'biome.json')], vcs: { enabled: false } }
  writeFileSync(join(folder, 'biome.json'), JSON.stringify(biome))
  await run('biome', 'check', '--write', '--error-on-warnings', 'apps', 'packages')
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  symlinkSync(join(repositoryRoot, 'node_modules'), join(folder, 'node_modules'))
  const tsconfig = {
    extends: join(repositoryRoot, 'tsconfig.base.json'),
    // What the files import is in the checkout.
    compilerOptions: { rootDirs: [folder, repositoryRoot], resolveJsonModule: true },
    include: ['apps/app', 'packages'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  await run('tsc')
})

/** The name without which an identifier is not, if it has another one in the place of `zebra`. */
function nameIn(identifier: string, other: string): string | undefined {
  const form = identifier.replace(/Zebras?/, '([A-Z]\\w*)').replace(/zebras?/, '([a-z]\\w*)')
  const [, name] = new RegExp(`^${form}$`).exec(other) ?? []
  return name && name.charAt(0).toLowerCase() + name.slice(1)
}

it('no name that is accepted is one that the code declares or imports beside it', () => {
  for (const [path, content] of render('zebra', ...everyType, 'parent:ref(zebra)?')) {
    const code = content.replaceAll(/\/\*\*.*\*\/|\/\/.*|'[^'\n]*'/g, '')
    const imported = [...code.matchAll(/^import (?:type )?({[^}]*}|\w+)/gm)].flatMap(
      ([, names = '']) => names.match(/(?!type )\b\w+/g) ?? [],
    )
    const declared = [...code.matchAll(/^(?:export )?(?:const|let|function|type) (\w+)/gm)].map(([, name = '']) => name)
    const identifiers = new Set([...imported, ...declared])
    const ofResource = [...identifiers].filter((name) => /zebra/i.test(name))
    for (const own of ofResource) {
      for (const other of identifiers) {
        const name = ofResource.includes(other) ? undefined : nameIn(own, other)
        if (name === undefined) continue
        const accept = () => (/zebras/i.test(own) ? namesOf('zebra', name) : namesOf(name))
        expect(accept, `${path}: ${own}, ${other}`).toThrow()
      }
    }
  }
})
