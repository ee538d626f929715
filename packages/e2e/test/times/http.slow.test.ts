import { it } from 'vitest'
import { expectLongList } from './long-list.ts'

it('streams a million times in order, with bounded memory in the app', () => expectLongList(1_000_000))
