import type { ProductNames } from './product-names.ts'

/** The owner's README.md, with the tables of commands and places of this repository's own. */
export function readme(upstream: string, origin: ProductNames, { title }: ProductNames, keepsTimes: boolean): string {
  const withoutBench = (text: string) =>
    keepsTimes ? text : text.replace(/^\| (`npm run (?:bench|idle|capacity)`|`packages\/bench`) .*\n/gm, '')
  return `# ${title}

A web application in three tiers, Apache → Node/Express → MySQL, that runs the same images on a laptop and on AWS.

## Quick start

\`\`\`sh
npm start      # installs what is missing and starts everything on http://localhost:8080
npm test       # lint, types and all tests
\`\`\`

<http://localhost:8080/ui/> is the page, <http://localhost:8080/openapi.json> the document of the API. To add a resource:
[make it yours](docs/make-it-yours.md).
${keepsTimes ? idleFigures(upstream) : ''}
## Commands
${withoutBench(
  sectionOf(upstream, 'Commands')
    .replace(/^\| `npm run init` .*\n/m, '')
    .replace('into such a project', 'into this project'),
)}
## Layout
${withoutBench(
  sectionOf(upstream, 'Layout')
    .replace(/\nHow to contribute:[\s\S]*/, '')
    .replace('makes a project, ', ''),
)}
How to contribute: [CONTRIBUTING.md](CONTRIBUTING.md). Security: [SECURITY.md](SECURITY.md). Changes:
[CHANGELOG.md](CHANGELOG.md). Made from ${origin.title},
which is under the [MIT licence](LICENSE); \`npm run upgrade\` brings a later version of it: [upgrading](docs/upgrading.md).
`
}

/** What `npm run idle` has written, between its marks. */
function idleFigures(upstream: string): string {
  const [figures] = /^<!-- npm run idle -->\n[\s\S]*?^<!-- end -->\n/m.exec(upstream) ?? []
  if (figures === undefined) throw new Error('README.md: expected the figures of npm run idle')
  return `\n${figures}`
}

function sectionOf(document: string, title: string): string {
  const section = document.split(/^## /m).find((text) => text.startsWith(`${title}\n`))
  if (section === undefined) throw new Error(`README.md: expected a section ${title}`)
  return section.slice(title.length + 1)
}

/** The owner's CHANGELOG.md. */
export const changelog = (origin: ProductNames): string => `# Changelog

The format is that of [Keep a Changelog](https://keepachangelog.com/en/1.1.0/).

## Unreleased

### Added

- The project, made from ${origin.title}.
`
