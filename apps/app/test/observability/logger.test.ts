import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, openSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createDestination, createLogger } from '../../src/observability/logger.ts'

it('drops lines that nobody reads, instead of keeping all of them in memory, and goes on when they are read', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'log-'))
  const path = join(folder.path, 'pipe')
  execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', path])
  // Both ends, so that it opens without a reader.
  const destination = createDestination(openSync(path, 'r+'))
  const logger = createLogger('info', destination)
  let dropped = 0
  destination.on('drop', () => {
    dropped += 1
  })
  const text = 'x'.repeat(10_000)
  for (let line = 0; line < 2000; line += 1) logger.info(text)
  expect(dropped).toBeGreaterThan(1000)

  let read = ''
  const reader = createReadStream(path, 'utf8').on('data', (part) => {
    read = (read + part).slice(-1000)
  })
  await once(destination, 'drain')
  logger.info('last line')
  await expect.poll(() => read, { timeout: 60_000 }).toContain('last line')
  destination.end()
  await once(destination, 'close')
  reader.destroy()
})
