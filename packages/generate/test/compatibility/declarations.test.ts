import { expect, it } from 'vitest'
import { matchDeclarations } from '../../src/compatibility/declarations.ts'

const parameter = { place: 'GET /tickets, query parameter title', problem: 'is gone' }
const title = { place: 'components.schemas.Ticket.title', problem: 'can have what it could not: null' }

const changelog = (...entries: string[]) => ['# Changelog', '', '### Changed', '', ...entries, ''].join('\n')
const declaration = '- **Breaking:** `GET /tickets, query parameter title` is gone: filter by `state`.'
const none = changelog('- Faster.')

it.each([
  ['nothing', none],
  ['another place', changelog('- **Breaking:** `GET /tickets` is gone.')],
  ['a part of its name', changelog('- **Breaking:** `GET /tickets, query parameter titles` is gone.')],
  ['an entry that is not marked', changelog(declaration.replace('**Breaking:** ', ''))],
  ['text that is no code', changelog(declaration.replaceAll('`', ''))],
])('a place is not declared by %s', (_what, after) => {
  expect(matchDeclarations([parameter], { before: none, after }).undeclared).toEqual([parameter])
})

it.each([
  ['an entry', changelog(declaration)],
  ['an entry of two lines', changelog(declaration.replace('query parameter', 'query\n  parameter'))],
  ['an entry of a released version', `${changelog(declaration)}\n## 1.4.0\n`],
])('a place is declared by %s', (_what, after) => {
  expect(matchDeclarations([parameter], { before: none, after })).toEqual({ undeclared: [], stale: [] })
})

it('declares each place by itself', () => {
  const after = changelog(declaration)
  expect(matchDeclarations([parameter, title], { before: none, after })).toEqual({ undeclared: [title], stale: [] })
  const both = changelog(
    '- **Breaking:** `components.schemas.Ticket.title` and',
    `  \`${parameter.place}\`: see below.`,
  )
  expect(matchDeclarations([parameter, title], { before: none, after: both }).undeclared).toEqual([])
})

it('refuses a declaration of a place that does not break', () => {
  expect(matchDeclarations([], { before: none, after: changelog(declaration) }).stale).toEqual([parameter.place])
})

it('takes an entry without a place for no declaration', () => {
  const after = changelog('- **Breaking:** `npm run old` and `PORT` are gone, `/tickets` is slower.')
  expect(matchDeclarations([], { before: none, after })).toEqual({ undeclared: [], stale: [] })
})

it('counts no declaration of the release before, also if its entry was rewritten', () => {
  const before = changelog(declaration)
  expect(matchDeclarations([parameter], { before, after: before }).undeclared).toEqual([parameter])
  const after = changelog(declaration.replace('filter by', 'use'))
  expect(matchDeclarations([], { before, after }).stale).toEqual([])
  const again = changelog(declaration, declaration)
  expect(matchDeclarations([parameter], { before, after: again })).toEqual({ undeclared: [], stale: [] })
})
