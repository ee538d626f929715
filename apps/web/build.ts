// Makes the files of the page, for the image: `node apps/web/build.ts FOLDER`. Types are taken out of the modules, and
// that is all there is to do: browsers load modules by themselves.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire, stripTypeScriptTypes } from 'node:module'
import { dirname, join } from 'node:path'

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('expected the folder to write to')
mkdirSync(folder, { recursive: true })

const page = join(import.meta.dirname, 'page')
for (const file of readdirSync(page)) {
  if (file.endsWith('.ts')) {
    const code = stripTypeScriptTypes(readFileSync(join(page, file), 'utf8'))
    writeFileSync(join(folder, file.replace(/ts$/, 'js')), code.replaceAll(/(?<=from '\.\/\w+\.)ts(?=')/g, 'js'))
  } else if (file !== 'tsconfig.json') copyFileSync(join(page, file), join(folder, file))
}

const uplot = dirname(createRequire(import.meta.url).resolve('uplot/package.json'))
for (const file of ['uPlot.iife.min.js', 'uPlot.min.css']) copyFileSync(join(uplot, 'dist', file), join(folder, file))
copyFileSync(join(uplot, 'LICENSE'), join(folder, 'uPlot.LICENSE.txt'))
