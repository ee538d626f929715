// Builds the files of the page for the image: `node apps/web/build.ts FOLDER [PAGE]`. Removes the types from the modules,
// inserts each resource's HTML into index.html, and names every other file by its content, so that a page never loads
// files of another release. There is no bundler: browsers load modules themselves.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

const [target, page = join(import.meta.dirname, 'page')] = process.argv.slice(2)
if (target === undefined) throw new Error('expected the folder to write to')

const uplot = dirname(fileURLToPath(import.meta.resolve('uplot/package.json')))
const resources = readdirSync(page, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []))
/** Names of the written files by those that the sources use. */
const names = new Map<string, string>()

for (const file of ['uPlot.iife.min.js', 'uPlot.min.css'])
  writeAsset(file, readFileSync(join(uplot, 'dist', file), 'utf8'))
for (const folder of ['.', ...resources]) {
  for (const name of readdirSync(join(page, folder))) {
    const file = posix.join(folder, name)
    if (name.endsWith('.ts')) writeModule(file, [])
    else if (/\.(css|svg)$/.test(name)) writeAsset(file, readFileSync(join(page, file), 'utf8'))
  }
}

const html = readFileSync(join(page, 'index.html'), 'utf8').replaceAll(/<!-- resources: (.+) -->/g, (_, name) =>
  resources.map((folder) => fragment(folder, name)).join(''),
)
write(
  'index.html',
  html.replaceAll(/(?<=(?:href|src)=")[\w./-]+(?=")/g, (file) => names.get(file) ?? file),
)
write('uPlot.LICENSE.txt', readFileSync(join(uplot, 'LICENSE'), 'utf8'))

// Pages that were loaded from earlier releases: see previous.ts.
const previous = join(import.meta.dirname, 'previous.json')
if (existsSync(previous)) {
  for (const [name, text] of Object.entries<string>(JSON.parse(readFileSync(previous, 'utf8')))) write(name, text)
}

/** Writes a module after those that it imports, because its content has their names. Returns its own. */
function writeModule(file: string, importers: readonly string[]): string {
  if (importers.includes(file)) throw new Error(`modules import each other: ${[...importers, file].join(' → ')}`)
  const known = names.get(file.replace(/ts$/, 'js'))
  if (known !== undefined) return known
  const code = stripTypeScriptTypes(readFileSync(join(page, file), 'utf8'))
  const folder = posix.dirname(file)
  const linked = code.replaceAll(/(?<=from ')\.{1,2}\/[\w/.-]+\.ts(?=')/g, (specifier) => {
    const imported = writeModule(posix.join(folder, specifier), [...importers, file])
    const path = posix.relative(folder, imported)
    return path.startsWith('.') ? path : `./${path}`
  })
  return writeAsset(file.replace(/ts$/, 'js'), linked)
}

function writeAsset(file: string, text: string): string {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16)
  const name = file.replace(/(?=\.\w+$)/, `.${hash}`)
  names.set(file, name)
  write(name, text)
  return name
}

function write(name: string, text: string): void {
  mkdirSync(dirname(join(String(target), name)), { recursive: true })
  writeFileSync(join(String(target), name), text)
}

/** Empty if the resource has no such file. */
function fragment(folder: string, name: string): string {
  const file = join(page, folder, name)
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}
