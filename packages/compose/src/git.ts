import { execFileSync } from 'node:child_process'
import { repositoryRoot } from './checkout.ts'

/**
 * Runs git in the checkout and returns its output. Git refuses a folder of another user, for what its configuration may
 * run; whoever calls this already runs the checkout's own code.
 *
 * @throws when git fails or is not installed.
 */
export const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'safe.directory=*', ...args], {
    cwd: repositoryRoot,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 ** 2,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
