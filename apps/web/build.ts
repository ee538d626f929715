// Builds the files of the page for the image: `node apps/web/build.ts FOLDER`. Removes the types from the modules, and
// inserts each resource's HTML into index.html. There is no bundler: browsers load modules themselves.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [target] = process.argv.slice(2)
if (target === undefined) throw new Error('expected the folder to write to')

const page = join(import.meta.dirname, 'page')
const resources = readdirSync(page, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []))

for (const folder of ['.', ...resources]) {
  mkdirSync(join(target, folder), { recursive: true })
  for (const name of readdirSync(join(page, folder))) {
    const file = join(folder, name)
    if (name.endsWith('.ts')) writeModule(file)
    else if (/\.(css|svg)$/.test(name)) copyFileSync(join(page, file), join(target, file))
  }
}

const html = readFileSync(join(page, 'index.html'), 'utf8')
writeFileSync(
  join(target, 'index.html'),
  html.replaceAll(/<!-- resources: (.+) -->/g, (_, name) => resources.map((folder) => fragment(folder, name)).join('')),
)

const uplot = dirname(fileURLToPath(import.meta.resolve('uplot/package.json')))
for (const file of ['uPlot.iife.min.js', 'uPlot.min.css']) copyFileSync(join(uplot, 'dist', file), join(target, file))
copyFileSync(join(uplot, 'LICENSE'), join(target, 'uPlot.LICENSE.txt'))

function writeModule(file: string): void {
  const code = stripTypeScriptTypes(readFileSync(join(page, file), 'utf8'))
  writeFileSync(
    join(String(target), file.replace(/ts$/, 'js')),
    code.replaceAll(/(?<=from '\.{1,2}\/[\w/.-]+\.)ts(?=')/g, 'js'),
  )
}

/** Empty if the resource has no such file. */
function fragment(folder: string, name: string): string {
  const file = join(page, folder, name)
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}
