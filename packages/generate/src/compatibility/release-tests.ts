import { execFile } from 'node:child_process'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { docker, repositoryRoot, testImage } from '@repo/compose'
import { CliError } from '@repo/ops/cli.ts'
import { migrationsFolder } from './release.ts'

/**
 * Runs the integration tests of the app of another checkout on the schema of this one: its migrations are replaced.
 *
 * @throws {CliError} with their output if one fails.
 */
export async function runTestsOnNewSchema(folder: string, signal: AbortSignal): Promise<void> {
  await rm(join(folder, migrationsFolder), { recursive: true })
  await cp(join(repositoryRoot, migrationsFolder), join(folder, migrationsFolder), { recursive: true })
  try {
    const tests = ['run', '--project', 'integration', 'apps/app']
    const options = { cwd: folder, maxBuffer: 64 * 1024 ** 2, signal }
    await promisify(execFile)(process.execPath, ['node_modules/.bin/vitest', ...tests], options)
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new CliError(`Tests of the release before fail on the new schema.\n${stdout}${stderr}`)
  } finally {
    await docker(['image', 'rm', testImage('mysql', folder)]).catch(() => {})
  }
}
